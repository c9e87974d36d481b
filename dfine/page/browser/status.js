/** What was found, in a sentence that is announced when it changes; where nothing was, a button shows what came nearest. */
import {html} from './dom.js';
import {resting} from './spoken.js';
import {inSight, nearest} from './state.js';
import {summary} from './words.js';

const LOST = 'Your own picture is not kept any longer: choose it once more. Here is an example instead.';
const UNLINKED = 'The link that you followed is to somebody’s own picture, which no link can carry. Here is an example instead.';

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function status({element}, page) {
  const {store} = page, said = element.querySelector('[role=status]');
  const lower = html('button', {type: 'button', hidden: true, onclick: () => {
    store.set({threshold: nearest(store.state).threshold});
    document.querySelector('#scene svg').focus({preventScroll: true}); // the button is gone
  }});
  said.after(lower);

  function say() {
    const {state} = store;
    const found = state.trace ? summary(inSight(state), state, page.told) : page.told.sentence;
    const words = page.unlinked ? `${page.lost ? LOST : UNLINKED} ${found}` : found;
    const plain = words.replaceAll('`', ''); // commands are set off in Markdown only
    if (said.textContent !== plain) said.textContent = plain;
  }

  const later = resting(say); // a slider that is dragged is not told of at every step
  return (state, changed) => {
    if (!['trace', 'threshold', 'classes', 'top', 'object'].some((key) => changed.has(key))) return;
    if (['trace', 'classes'].some((key) => changed.has(key))) say();
    else later();
    const near = nearest(state);
    lower.hidden = !near;
    if (near) lower.textContent = `Lower the threshold to ${near.threshold.toFixed(2)}`;
  };
}
