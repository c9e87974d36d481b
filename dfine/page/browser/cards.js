/** The four edges at a glance, as on the page that explains an object offline: where each lies, and how sure that is. */
import {html, put} from './dom.js';
import {fixed, number} from './format.js';

/**
 * @param {import('./state.js').Store} store
 * @returns {{element: HTMLElement, fill: (history: ?import('./trace.js').History) => void, light: import('./main.js').Draw}}
 */
export function edgeCards(store) {
  const element = html('div', {class: 'cards', role: 'group', 'aria-label': 'The four edges'});

  function fill(history) {
    put(element, {hidden: !history});
    if (!history) return;
    const reach = history.intervals[history.layers - 1], box = history.boxes[history.layers];
    const lengths = reach.map(([low, high]) => high - low), widest = Math.max(...lengths, 1e-9);
    element.replaceChildren(...history.edges.map((name, k) => html('button', {type: 'button',
      style: `--colour:${history.colours.edges[k]};--share:${(lengths[k] / widest).toFixed(3)}`, title: `${name} edge: see its sum`,
      onclick: () => store.set({edge: k, tab: 'edge'}), onpointerenter: () => store.set({over: k}),
      onpointerleave: () => store.set({over: null})},
    html('b', {}, name), html('span', {}, `${'xy'[k % 2]} = ${fixed(box[k])} px`),
    html('span', {class: 'within'}, `80 % within ${number(lengths[k])} px`), html('i', {'aria-hidden': 'true'}))));
  }

  return {element, fill, light: (state) => [...element.children].forEach((card, k) =>
    put(card, {class: k === (state.over ?? -1) && 'over'}))};
}
