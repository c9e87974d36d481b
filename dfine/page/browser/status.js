/** What was found, in a sentence that is announced when it changes. */
import {inSight} from './state.js';
import {summary} from './words.js';

const LOST = 'Your own picture is not kept any longer: choose it once more. Here is an example instead.';
const UNLINKED = 'The link that you followed is to somebody’s own picture, which no link can carry. Here is an example instead.';

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function status({element}, page) {
  const said = element.querySelector('[role=status]');
  return (state, changed) => {
    if (!['trace', 'threshold', 'classes', 'top', 'object'].some((key) => changed.has(key))) return;
    const found = state.trace ? summary(inSight(state), state, page.told) : page.told.sentence;
    const words = page.unlinked ? `${page.lost ? LOST : UNLINKED} ${found}` : found;
    const plain = words.replaceAll('`', ''); // commands are set off in Markdown only
    if (said.textContent !== plain) said.textContent = plain;
  };
}
