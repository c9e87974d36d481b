/** The chosen object in words, and what can be done with the view of it: take a step back, copy a link. */
import {html} from './dom.js';
import {actions} from './actions.js';
import {edgeCards} from './cards.js';
import {explained, info} from './info.js';
import {chosen} from './state.js';
import {describe, sureness} from './words.js';

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function headline({element}, page) {
  const title = html('h2', {}), sure = html('p', {class: 'sure', role: 'status'}), words = html('p', {class: 'words'}), query = info('Query'),
    bar = actions(page), cards = edgeCards(page.store);
  element.replaceChildren(html('div', {class: 'line'}, html('span', {}, title, query), bar.element), sure, cards.element, words);
  return (state, changed) => {
    bar.draw(state, changed);
    if (changed.has('over')) cards.light(state);
    if (!changed.has('trace') && !changed.has('object')) return;
    const history = chosen(state);
    title.textContent = history ? history.title : 'No object chosen';
    const told = history ? sureness(history) : '';
    if (sure.textContent !== told) sure.textContent = told;
    query.hidden = !history;
    cards.fill(history);
    words.replaceChildren(...explained(history ? describe(history) : '', {
      IoU: 'IoU', 'initial box': 'Initial box', uncalibrated: 'Uncalibrated', calibrated: 'Calibrated'}));
  };
}
