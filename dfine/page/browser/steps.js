/**
 * The steps of W(n) in pixels of one object: for every correction of the chosen edge, how far the next bin lies. A step
 * of at most a pixel is fine, a longer one coarse.
 */
import {chart, html, put, svg} from './dom.js';
import {number} from './format.js';

const HEIGHT = 150, MARGIN = {left: 56, right: 14, top: 10, bottom: 34};
const FINE = 1; // pixels

/**
 * Which corrections of an edge are fine.
 * @param {ArrayLike<number>} w
 * @param {number} pixels in one size of the initial box
 * @returns {{finest: number, fine: number, reach: number, coarsest: number}} in pixels: the shortest and the longest
 *   step up to ±a, how far out steps are at most a pixel, and where ±a is
 */
export function steps(w, pixels) {
  const half = (w.length - 1) / 2, size = Math.abs(pixels), last = w.length - 2;
  let n = half;
  while (n < last && (w[n + 1] - w[n]) * size <= FINE) n++;
  return {finest: (w[half + 1] - w[half]) * size, fine: w[n] * size, reach: w[last] * size,
    coarsest: (w[last] - w[last - 1]) * size};
}

/** The same in words. @param {string} name of the edge @param {ReturnType<typeof steps>} s */
export function inWords(name, {finest, fine, reach, coarsest}) {
  const further = `further out they grow to ${number(coarsest)} px, and beyond ±${number(reach)} px there is one bin only.`;
  if (fine === 0) return `The ${name} edge moves in steps of ${number(finest)} px at the finest; ${further}`;
  if (fine === reach) return `The ${name} edge moves in fine steps, of ${number(finest)} to ${number(coarsest)} px, up to `
    + `±${number(reach)} px; beyond, there is one bin only.`;
  return `Corrections of the ${name} edge up to ±${number(fine)} px are fine, in steps of ${number(finest)} to 1 px; ${further}`;
}

/** @returns {{element: HTMLElement, draw: (history: import('./trace.js').History, edge: number, bin: ?number) => void}} */
export function stepChart() {
  const words = html('p', {class: 'caption'});
  let shown = null, nodes = null;
  const drawing = chart(HEIGHT, (into, width) => {
    const line = (kind) => svg('line', {class: kind});
    nodes = {width, fine: svg('path', {class: 'fine'}), coarse: svg('path', {class: 'coarse'}), mark: svg('path', {class: 'on'}),
      one: line('grid'), zero: line('zero'), onePixel: svg('text', {'text-anchor': 'end'}, '1 px'),
      most: svg('text', {'text-anchor': 'end'}), ends: [0, 1, 2].map((i) => svg('text', {'text-anchor': ['start', 'middle', 'end'][i]}))};
    into.append(nodes.fine, nodes.coarse, nodes.mark, nodes.one, nodes.zero, nodes.onePixel, nodes.most, ...nodes.ends,
      svg('text', {x: width / 2, y: HEIGHT - 3, 'text-anchor': 'middle'}, 'correction, px outward'));
    paint();
  }, {role: 'img'});

  function paint() {
    if (!shown || !nodes) return;
    const {w, pixels, bin} = shown, {width} = nodes, inner = width - MARGIN.left - MARGIN.right, bottom = HEIGHT - MARGIN.bottom;
    const last = w.length - 2, reach = w[last] * pixels, most = Math.max((w[last] - w[last - 1]) * pixels, 1.2 * FINE);
    const x = (v) => MARGIN.left + (inner * (v + reach)) / (2 * reach), y = (v) => bottom - ((bottom - MARGIN.top) * v) / most;
    const d = {fine: '', coarse: '', mark: ''};
    for (let n = 1; n < last; n++) {
      const step = (w[n + 1] - w[n]) * pixels, from = x(w[n] * pixels), to = x(w[n + 1] * pixels);
      const bar = `M${from.toFixed(1)} ${bottom}V${y(step).toFixed(1)}H${Math.max(to - 0.5, from + 0.5).toFixed(1)}V${bottom}z`;
      d[step <= FINE ? 'fine' : 'coarse'] += bar;
      if (n === bin) d.mark = bar;
    }
    for (const key of ['fine', 'coarse', 'mark']) put(nodes[key], {d: d[key]});
    put(nodes.one, {x1: MARGIN.left, x2: width - MARGIN.right, y1: y(FINE), y2: y(FINE)});
    put(nodes.zero, {x1: MARGIN.left, x2: width - MARGIN.right, y1: bottom, y2: bottom});
    put(nodes.onePixel, {x: MARGIN.left - 6, y: y(FINE) + 4, display: y(FINE) - MARGIN.top < 14 ? 'none' : null});
    put(nodes.most, {x: MARGIN.left - 6, y: MARGIN.top + 8});
    nodes.most.textContent = `${number(most)} px`;
    [-reach, 0, reach].forEach((v, i) => {
      put(nodes.ends[i], {x: x(v), y: bottom + 15});
      nodes.ends[i].textContent = `${v < 0 ? '−' : v > 0 ? '+' : ''}${number(Math.abs(v))}`;
    });
  }

  return {
    element: html('figure', {class: 'steps'}, html('figcaption', {}, 'Step to the next bin'), drawing.into, words),
    draw(history, edge, bin) {
      shown = {w: history.w, pixels: Math.abs(history.perSize[edge]), bin};
      const said = inWords(history.edges[edge], steps(history.w, history.perSize[edge]));
      if (words.textContent !== said) words.textContent = said;
      put(drawing.into, {'aria-label': said});
      paint();
    },
  };
}
