/**
 * Present mode, for a projector: the picture on the left, one edge of the chosen object on the right, in large type.
 * Arrow keys step through layers and edges, Page Up and Page Down through objects, Escape leaves.
 */
import {bars, outline} from './bars.js';
import {frame, html, put, svg} from './dom.js';
import {fixed, number, signed} from './format.js';
import {edgeMarks} from './marks.js';
import {chosen, inSight} from './state.js';
import {named} from './words.js';

const INITIAL = '#9AA0A8';
const HINT = '← → layers   ↑ ↓ edges   Page Up, Page Down objects   Esc leaves';
const OUT = ['to the left', 'up', 'to the right', 'down'], IN = ['to the right', 'down', 'to the left', 'up'];

/** @param {import('./main.js').Page} page @returns {{element: HTMLElement, draw: import('./main.js').Draw}} */
export function present(page) {
  const {store} = page, image = html('img', {alt: '', draggable: 'false'});
  const line = (kind) => svg('rect', {class: kind, fill: 'none'});
  const [initial, halo, box] = ['initial', 'halo', 'frame'].map(line), marks = svg('g', {class: 'marks'});
  const canvas = svg('svg', {'aria-hidden': 'true'}, initial, halo, box, marks), edges = edgeMarks(marks);
  const title = html('h2', {id: 'present-title', tabindex: -1}), sum = html('p', {class: 'sum', role: 'status'});
  const ghost = svg('path', {class: 'ghost'}), shape = svg('path', {}), still = svg('line', {class: 'still', y1: 0, y2: 100});
  const zero = svg('line', {class: 'zero', y1: 100, y2: 100, x1: 0});
  const plot = svg('svg', {preserveAspectRatio: 'none', 'aria-hidden': 'true'}, ghost, shape, still, zero);
  const axis = html('div', {class: 'axis', 'aria-hidden': 'true'}), stops = html('div', {class: 'stops'});
  const close = html('button', {type: 'button', class: 'close', 'aria-label': 'Leave present mode', onclick: () => leave()}, '×');
  const stage = html('div', {class: 'stage'}, image, canvas), left = html('div', {class: 'left'}, stage);
  const element = html('dialog', {id: 'present', 'aria-labelledby': 'present-title'},
    left,
    html('div', {class: 'right'}, close, title, html('div', {class: 'plot'}, plot), axis, sum, stops, html('p', {class: 'hint'}, HINT)));

  const leave = () => store.set({present: false});
  element.addEventListener('cancel', (event) => {
    event.preventDefault();
    leave();
  });
  element.addEventListener('keydown', (event) => {
    const {state} = store, {layer, trace} = state, seen = inSight(state), here = seen.findIndex((d) => d.number === state.object);
    const to = {ArrowRight: Math.floor(layer) + 1, ArrowLeft: Math.ceil(layer) - 1, Home: 0, End: trace?.layers}[event.key];
    const turn = {ArrowDown: 1, ArrowUp: -1}[event.key], next = {PageDown: 1, PageUp: -1}[event.key];
    if (to !== undefined) store.set({layer: to});
    else if (turn) store.set({edge: (state.edge + turn + 4) % 4});
    else if (next && seen.length) store.set({object: seen[(here + next + seen.length) % seen.length].number});
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  new ResizeObserver(() => draw(store.state)).observe(left);

  function draw(state) {
    const history = chosen(state);
    if (!state.present || !history) return;
    const {url} = page.told.picture;
    if (image.getAttribute('src') !== url) image.src = url;
    const k = state.edge, at = Math.ceil(state.layer - 1e-9), colour = history.colours.edges[k];
    place(state, history, at);
    title.replaceChildren(html('i', {style: `background:${colour}`}), `${history.edges[k]} edge of the ${history.name}, ${named(at)}`);
    const values = history.w.length, all = history.p.map((layer) => layer[k]);
    const highest = 1.06 * Math.max(...all.flatMap((p) => [...p])), y = (v) => 100 * (1 - v / highest);
    put(plot, {viewBox: `0 0 ${values} 100`});
    put(shape, {d: at ? bars(all[at - 1], y) : '', fill: colour});
    put(ghost, {d: at > 1 ? outline(all[at - 2], y) : ''});
    put(still, {x1: values / 2, x2: values / 2});
    put(zero, {x2: values});
    const last = values - 1;
    axis.replaceChildren(...[0, last / 4, last / 2, (3 * last) / 4, last].map((n) => html('span', {
      style: `left:${(100 * (n + 0.5)) / values}%`}, signed(history.w[n] * history.perSize[k]))), html('em', {}, 'px outward'));
    const said = told(history, at, k);
    if (sum.dataset.said !== title.textContent + said) sum.replaceChildren(html('span', {class: 'unseen'}, `${title.textContent}: `), said);
    sum.dataset.said = title.textContent + said;
    if (stops.childElementCount !== history.layers + 1) stops.replaceChildren(...history.boxes.map((_, i) => html('button', {
      type: 'button', onclick: () => store.set({layer: i})}, i ? `layer ${i}` : 'initial box')));
    [...stops.children].forEach((stop, i) => put(stop, {'aria-pressed': String(i === at),
      style: `--colour:${i ? history.colours.layers[i - 1] : INITIAL}`}));
  }

  function told(history, layer, k) {
    if (!layer) return 'Dashed: the initial box. Every layer says how far each of its edges should move.';
    const offset = history.offsets[layer - 1][k] * history.perSize[k], [low, high] = history.intervals[layer - 1][k];
    const moved = Math.abs(offset) < 0.005 ? 'stays where it was' : `moves ${number(Math.abs(offset))} px ${(offset > 0 ? OUT : IN)[k]}`;
    return `Σ W(n)·Pr(n) = ${signed(offset, ' px')}: the edge ${moved}, to ${'xy'[k % 2]} = ${fixed(history.boxes[layer][k])}. `
      + `With 80 % probability it lies within ${number(high - low)} px (${history.calibration}).`;
  }

  // The picture as large as the left half allows, and the box of a layer on it.
  function place(state, history, layer) {
    const style = getComputedStyle(left), room = (side, a, b) => side - parseFloat(style[a]) - parseFloat(style[b]);
    const [width, height] = history.size, scale = Math.min(room(left.clientWidth, 'paddingLeft', 'paddingRight') / width,
      room(left.clientHeight, 'paddingTop', 'paddingBottom') / height);
    if (!(scale > 0)) return;
    Object.assign(stage.style, {width: `${width * scale}px`, height: `${height * scale}px`});
    const {box: at, reach} = history.moment(state.layer), on = (b) => frame(b.map((v) => v * scale));
    put(initial, {...on(history.boxes[0]), stroke: INITIAL});
    put(halo, on(at));
    put(box, {...on(at), stroke: layer ? history.colours.layers[layer - 1] : INITIAL});
    edges({history, state: {...state, over: state.edge, bin: null}, box: at, reach, scale: [scale, scale], shift: [0, 0, 0, 0],
      size: history.size});
  }

  return {element, draw: (state, changed) => {
    const open = state.present && Boolean(chosen(state));
    if (open && !element.open) {
      element.showModal();
      title.focus({preventScroll: true});
    } else if (!open && element.open) element.close();
    if (open && [...changed].some((key) => key !== 'bin')) draw(state);
  }};
}
