/**
 * "How sure" and "How far": four edges by L layers, the distribution of every edge in every layer (paper Figures 2 and
 * 4). Unweighted, bars are Pr(n); weighted, they are W(n)·Pr(n) in pixels, which sum to the number in the corner. Bins
 * are spaced evenly, although W(n) is not; the axis has W(n) in pixels beneath. All panels share one vertical scale
 * (weighted: one per edge), so that sharpening can be seen.
 */
import {html, put, svg} from './dom.js';
import {coarse, number, signed} from './format.js';
import {explained} from './info.js';
import {chosen} from './state.js';
import {layerName} from './words.js';

const SURE = (calibration) => `Bars: Pr(n), how probable each bin is. Each bin is a way to move the edge. 80 %: the length of the `
  + `stretch in which the edge lies with that probability (${calibration}). Grey outline: the layer before. Dotted line: `
  + 'n = N/2, where W(n) is 0 and the edge stays where the initial box has it.';
const FAR = 'Bars: W(n)·Pr(n) in pixels. Their sum Σ is how far the layer moves the edge from the initial box; positive is '
  + 'outward. Grey outline: the layer before.';

/**
 * The outline of bars of equal width, n to n + 1, as a path.
 * @param {ArrayLike<number>} values @param {(v: number) => number} y @param {number} [gap] between bars, 0 for none
 */
export function bars(values, y, gap = 0.12) {
  const zero = y(0).toFixed(3);
  let d = '';
  for (let n = 0; n < values.length; n++) {
    if (Math.abs(values[n]) < 1e-6) continue;
    d += `M${n + gap / 2} ${zero}V${y(values[n]).toFixed(3)}h${1 - gap}V${zero}z`;
  }
  return d;
}

/** A stepped outline of bars. @param {ArrayLike<number>} values @param {(v: number) => number} y */
export function outline(values, y) {
  let d = `M0 ${y(0).toFixed(3)}`;
  for (let n = 0; n < values.length; n++) d += `V${y(values[n]).toFixed(3)}h1`;
  return `${d}V${y(0).toFixed(3)}`;
}

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page @param {boolean} weighted */
export function panels({element, name: key}, {store}, weighted) {
  const grid = html('div', {class: 'panels', role: 'group'});
  const caption = html('p', {class: 'caption'}), tip = html('div', {class: 'tip', hidden: true, 'aria-hidden': 'true'});
  const nothing = html('p', {class: 'nothing'}, 'Nothing to show: no object is chosen.');
  element.replaceChildren(html('div', {class: 'scroll'}, grid), tip, nothing, caption);
  /** @type {{figure: HTMLElement, parts: Record<string, Element>, layer: number, edge: number}[]} */
  let all = [], built = '', stale = true;

  // The cells of the grid, which stay until a model with another number of layers comes.
  function build(history) {
    const now = `${history.layers} ${history.w.length}`;
    if (now === built) return;
    built = now;
    all = [];
    const values = history.w.length;
    const cells = [html('span'), ...history.edges.map((name, k) => html('button', {type: 'button', class: 'edge',
      'data-edge': k, style: `--colour:${history.colours.edges[k]}`, title: `${name} edge: see its sum`,
      onclick: () => store.set({edge: k, tab: 'edge'})}, name))];
    for (let layer = 1; layer <= history.layers; layer++) {
      cells.push(html('button', {type: 'button', class: 'layer', 'data-layer': layer, onclick: () => store.set({layer}),
        style: `--colour:${history.colours.layers[layer - 1]}`}, layerName(layer)));
      for (let edge = 0; edge < 4; edge++) {
        const parts = {
          lit: svg('rect', {class: 'lit', y: 0, width: 1, height: 100}), still: svg('line', {class: 'still',
            x1: values / 2, x2: values / 2, y1: 0, y2: 100}),
          ghost: svg('path', {class: 'ghost'}), bars: svg('path', {class: 'bars', fill: history.colours.edges[edge]}),
          zero: svg('line', {class: 'zero', x1: 0, x2: values}),
        };
        const plot = svg('svg', {viewBox: `0 0 ${values} 100`, preserveAspectRatio: 'none', 'aria-hidden': 'true'}, ...Object.values(parts));
        const corner = html('span', {class: 'corner'}), figure = html('div', {class: 'panel', role: 'img'}, plot,
          corner);
        figure.addEventListener('pointermove', (event) => point(event, plot, layer, edge));
        figure.addEventListener('pointerdown', (event) => point(event, plot, layer, edge));
        figure.addEventListener('pointerleave', () => store.set({bin: null, over: null}));
        figure.addEventListener('dblclick', () => store.set({edge, layer, tab: 'edge'}));
        cells.push(figure);
        all.push({figure, parts: {...parts, corner}, layer, edge});
      }
    }
    cells.push(html('span', {class: 'unit'}, 'n', html('br'), 'px'), ...history.edges.map(() => html('div',
      {class: 'axis'})));
    grid.replaceChildren(...cells);
  }

  function point(event, plot, layer, edge) {
    const place = plot.getBoundingClientRect(), values = chosen(store.state).w.length;
    const bin = Math.min(Math.max(Math.floor(((event.clientX - place.left) / place.width) * values), 0), values - 1);
    store.set({bin, over: edge});
    tell(layer, edge, bin, event.clientX, place.top);
  }

  function tell(layer, edge, bin, x, y) {
    const history = chosen(store.state), p = history.p[layer - 1][edge][bin],
      pixels = history.w[bin] * history.perSize[edge];
    const lines = [`n = ${bin}: Pr(n) = ${p.toFixed(3)}`, `W(n) = ${signed(pixels, ' px')}`];
    if (weighted) lines.push(`W(n)·Pr(n) = ${signed(p * pixels, ' px')}`);
    tip.replaceChildren(...lines.map((line) => html('div', {}, line)));
    put(tip, {hidden: false});
    const home = element.getBoundingClientRect();
    tip.style.left = `${Math.min(Math.max(x - home.left + 12, 0), element.clientWidth - tip.offsetWidth)}px`;
    tip.style.top = `${Math.max(0, y - home.top - tip.offsetHeight - 4)}px`;
  }

  function fill(history) {
    build(history);
    const values = history.p.map((layer) => layer.map((p, k) =>
      (weighted ? p.map((v, n) => v * history.w[n] * history.perSize[k]) : p)));
    const range = [0, 1, 2, 3].map((k) => {
      const mine = values.flatMap((layer) => (weighted ? [layer[k]] : layer)).flatMap((row) => [...row]);
      const low = Math.min(0, ...mine), high = Math.max(0, ...mine), span = high - low || 1;
      return [low ? low - 0.08 * span : 0, high + 0.24 * span];
    });
    for (const {figure, parts, layer, edge} of all) {
      const [low, high] = range[edge], y = (v) => (100 * (high - v)) / (high - low);
      put(parts.bars, {d: bars(values[layer - 1][edge], y)});
      put(parts.ghost, {d: layer > 1 ? outline(values[layer - 2][edge], y) : ''});
      put(parts.zero, {y1: y(0), y2: y(0)});
      const offset = history.offsets[layer - 1][edge] * history.perSize[edge];
      const [from, to] = history.intervals[layer - 1][edge];
      const text = weighted ? `Σ ${signed(offset, ' px')}` : `80 %: ${number(to - from)} px`;
      parts.corner.textContent = text;
      put(figure, {'aria-label': `${history.edges[edge]} edge, ${layerName(layer)}: ${text}`});
    }
    put(grid, {'aria-label': `${weighted ? 'Bar charts of W(n)·Pr(n) in pixels' : 'Bar charts of Pr(n)'}, four edges by `
      + `${history.layers} layers, of ${history.title}.`});
    const last = history.w.length - 1, quarter = Math.floor(last / 4), narrow = grid.clientWidth < 760;
    const ticks = narrow ? [0, last / 2, last] : [0, quarter, last / 2, last - quarter, last];
    [...grid.querySelectorAll('.axis')].forEach((axis, k) => axis.replaceChildren(...ticks.map((n) =>
      html('span', {style: `left:${(100 * (n + 0.5)) / (last + 1)}%`}, String(n), html('br'),
        coarse(history.w[n] * history.perSize[k])))));
    const said = weighted ? FAR : SURE(history.calibration);
    if (caption.dataset.said === said) return;
    caption.dataset.said = said;
    caption.replaceChildren(...explained(said, {'W(n)·Pr(n)': 'Σ W(n)·Pr(n)', 'Pr(n)': 'Pr(n)', '80 %': '80\u00a0%',
      uncalibrated: 'Uncalibrated', calibrated: 'Calibrated', 'W(n) is': 'W(n)', 'initial box': 'Initial box'}));
  }

  // What the pointer is on, the chosen edge and the shown layer are lit.
  function light(state) {
    const layer = Math.ceil(state.layer - 1e-9);
    for (const {figure, parts, layer: mine, edge} of all) {
      put(figure, {class: `panel${mine === layer ? ' row' : ''}${edge === (state.over ?? -1) ? ' column' : ''}`});
      const lit = state.bin !== null && edge === (state.over ?? state.edge);
      put(parts.lit, {x: state.bin ?? 0, display: lit ? null : 'none'});
    }
    const mark = (kind, value) => grid.querySelectorAll(`.${kind}`).forEach((head) =>
      put(head, {'aria-current': +head.dataset[kind] === value && 'true'}));
    mark('layer', layer);
    mark('edge', state.edge);
    if (state.bin === null) put(tip, {hidden: true});
  }

  return (state, changed) => {
    stale ||= changed.has('trace') || changed.has('object');
    if (state.tab !== key) return;
    const history = chosen(state);
    put(grid, {hidden: !history});
    put(caption, {hidden: !history});
    put(nothing, {hidden: Boolean(history)});
    if (history && stale) fill(history);
    stale = false;
    if (history) light(state);
  };
}
