/**
 * Pr(n) of one edge, edited by hand: bars are dragged by mouse or finger, or moved by the arrow keys. A bar that moves
 * is one logit that changes; the softmax scales all others, and sum, edge and whisker follow. The network said otherwise.
 */
import {withShare} from './distribution.js';
import {html, put, svg, switchOff} from './dom.js';
import {fixed, number, signed} from './format.js';
import {info} from './info.js';
import {resting, speak} from './spoken.js';
import {chosen, read} from './state.js';

const [SMALL, LARGE] = [0.01, 0.1]; // steps of the keys
const SPOKEN = 150; // milliseconds after a change until all bars say their values
const ROOM = 1.25, LEAST = 0.2; // how far the axis reaches beyond the highest bar, and at least
const SIZES = ['widths', 'heights'];
const ABOUT = 'Drag a bar, or go to one with ← and → and change it with ↑ and ↓. Each bar is one logit: raise it, and the softmax '
  + 'takes from all the others. Grey is what the network said. The network was not retrained: this shows where its edge '
  + 'would be if it had said something else.';

/** @param {import('./main.js').Page} page @returns {{element: HTMLElement, draw: import('./main.js').Draw}} */
export function hand({store}) {
  const which = html('div', {class: 'radios', role: 'radiogroup', 'aria-label': 'Edge that is edited'});
  const shape = (text, made) => html('button', {type: 'button', class: 'back', onclick: () => {
    const {trace} = store.state;
    set(made(trace.w.length));
  }}, text);
  const flat = (values) => Array(values).fill(1 / values);
  const middle = (values) => withShare(flat(values), (values - 1) / 2, 0.97);
  const two = (values) => Array.from({length: values}, (_, n) => ([Math.round(values / 4), Math.round((values * 3) / 4) - 1]
    .includes(n) ? 0.4 : 0.2 / (values - 2)));
  const reset = html('button', {type: 'button', class: 'back', onclick: () => store.set({hand: null})},
    'What the network said');
  const ghost = svg('path', {class: 'ghost'}), still = svg('line', {class: 'still', y1: 0, y2: 100}), bars = svg('g');
  const plot = svg('svg', {preserveAspectRatio: 'none', role: 'group'}, ghost, still, bars);
  const top = html('span', {class: 'corner'}), axis = html('div', {class: 'axis'}), outcome = html('p', {class: 'outcome'});
  const element = html('section', {class: 'hand', 'aria-labelledby': 'hand-title'},
    html('h3', {id: 'hand-title'}, 'Edit Pr(n) by hand', info('Pr(n)')),
    html('div', {class: 'tools'}, which, shape('sure', middle), shape('two places', two), shape('no idea', flat), reset),
    html('div', {class: 'panel'}, plot, top), axis, outcome, html('p', {class: 'caption'}, ABOUT));
  let dragging = false, started = false, highest = 1, focus = 0, spoken = 0;

  const aloud = resting(() => speak(outcome.textContent)); // what follows from a bar, after its own value
  const own = (state) => chosen(state).p.at(-1)[state.edge];
  const now = (state) => state.hand?.edges[state.edge] ?? own(state);

  function set(p, more) {
    const {object, edge, hand: before, trace} = store.state;
    store.set({hand: {object, edges: {...before?.edges, [edge]: p}}, layer: trace.layers}, more);
  }

  // The bin and the share at a place of the window.
  function place(event) {
    const box = plot.getBoundingClientRect(), values = store.state.trace.w.length;
    const bin = Math.floor(((event.clientX - box.left) / box.width) * values);
    return [Math.min(Math.max(bin, 0), values - 1), Math.max(0, (1 - (event.clientY - box.top) / box.height) * highest)];
  }

  plot.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button) return;
    [dragging, started] = [true, false];
    plot.setPointerCapture(event.pointerId);
    drag(event);
  });
  plot.addEventListener('pointermove', (event) => {
    if (dragging) drag(event);
    else store.set({bin: place(event)[0]});
  });
  for (const end of ['pointerup', 'pointercancel']) plot.addEventListener(end, () => {
    dragging = false;
    draw(store.state);
  });
  plot.addEventListener('pointerleave', () => store.set({bin: null}));

  function drag(event) {
    const [bin, share] = place(event);
    store.set({bin});
    set(withShare(now(store.state), bin, share), {remember: !started}); // Undo takes a whole drag back
    started = true;
    focus = bin;
  }

  plot.addEventListener('keydown', (event) => {
    const {state} = store, p = now(state), last = p.length - 1, bin = +event.target.dataset.n;
    const to = {ArrowLeft: bin - 1, ArrowRight: bin + 1, Home: 0, End: last}[event.key];
    const by = {ArrowUp: SMALL, ArrowDown: -SMALL, PageUp: LARGE, PageDown: -LARGE}[event.key];
    if (to === undefined && by === undefined) return;
    event.preventDefault();
    if (by) set(withShare(p, bin, p[bin] + by), {remember: !event.repeat});
    focus = by ? bin : Math.min(Math.max(to, 0), last);
    store.set({bin: focus});
    for (const each of bars.children) put(each, {tabindex: +each.dataset.n === focus ? 0 : -1});
    bars.children[focus].focus();
  });

  function build(history) {
    const values = history.w.length;
    if (bars.childElementCount !== values) {
      focus = (values - 1) / 2;
      bars.replaceChildren(...Array.from({length: values}, (_, n) => svg('rect', {'data-n': n, x: n + 0.06, width: 0.88,
        role: 'slider', 'aria-valuemin': 0, 'aria-valuemax': 1, 'aria-orientation': 'vertical',
        tabindex: n === focus ? 0 : -1, 'aria-label': `Pr(${n})`})));
      put(plot, {viewBox: `0 0 ${values} 100`});
      put(still, {x1: values / 2, x2: values / 2});
    }
    if (which.childElementCount) return;
    which.replaceChildren(...history.edges.map((name, k) => html('label', {}, html('input', {type: 'radio', name: 'hand',
      value: k, onchange: () => store.set({edge: k})}), html('i', {style: `background:${history.colours.edges[k]}`}), name)));
  }

  // The same bins lie elsewhere in pixels with another W(n).
  function scale(history, w) {
    const last = w.length - 1, k = store.state.edge, said = [0, last / 4, last / 2, (3 * last) / 4, last].map((n) =>
      signed(w[n] * history.perSize[k], ' px'));
    if (axis.dataset.said === said.join()) return;
    axis.dataset.said = said.join();
    axis.replaceChildren(...said.map((text, i) => html('span', {style: `left:${(100 * ((i * last) / 4 + 0.5)) / (last + 1)}%`},
      String((i * last) / 4), html('br'), text)));
  }

  function draw(state) {
    const history = chosen(state), seen = read(state), k = state.edge, p = now(state), said = own(state);
    for (const input of which.querySelectorAll('input')) input.checked = +input.value === k;
    if (!dragging) highest = Math.min(1, Math.max(LEAST, ROOM * Math.max(...p, ...said)));
    const y = (v) => 100 * (1 - Math.min(v / highest, 1)), colour = history.colours.edges[k], {w} = seen;
    put(ghost, {d: `M0 100${Array.from(said, (v) => `V${y(v).toFixed(2)}h1`).join('')}V100z`});
    put(plot, {'aria-label': `Pr(n) of the ${history.edges[k]} edge`});
    [...bars.children].forEach((bar, n) => put(bar, {y: y(p[n]).toFixed(2), height: (100 - y(p[n])).toFixed(2), fill: colour,
      class: n === state.bin && 'on', 'aria-valuenow': p[n].toFixed(3)}));
    const say = (n) => put(bars.children[n], {'aria-valuetext': `${p[n].toFixed(3)}, ${signed(w[n] * history.perSize[k], ' px')}`});
    say(focus);
    clearTimeout(spoken); // of 33 bars one is read at a time; the others need not follow every frame of a drag
    spoken = setTimeout(() => p.forEach((_, n) => say(n)), SPOKEN);
    top.textContent = `up to ${highest.toFixed(2)}`;
    scale(history, w);
    switchOff(reset, !state.hand);
    outcome.textContent = told(history, seen, k, Boolean(state.hand?.edges[k]));
  }

  function told(history, seen, k, edited) {
    const last = history.layers - 1, offset = seen.offsets[last][k], axis = 'xy'[k % 2];
    const length = (h) => number(h.intervals[last][k][1] - h.intervals[last][k][0]);
    const sum = `Σ W(n)·Pr(n) = ${signed(offset)} ${SIZES[k % 2]} of the initial box = ${signed(offset * history.perSize[k], ' px')}: `
      + `the ${history.edges[k]} edge lies at ${axis} = ${fixed(seen.at(k, offset))} px, with 80 % within ${length(seen)} px.`;
    return edited ? `${sum} The network said ${axis} = ${fixed(history.boxes[last + 1][k])} px, within ${length(history)} px.` : sum;
  }

  return {element, draw: (state, changed) => {
    build(chosen(state));
    if (['trace', 'object', 'edge', 'bin', 'lab', 'hand', 'tab'].some((key) => changed.has(key))) draw(state);
    if (changed.has('hand') && !changed.has('trace')) aloud();
  }};
}
