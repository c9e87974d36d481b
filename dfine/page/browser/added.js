/**
 * What every layer added to the logits of the four edges, and what LQE read of them: the highest probabilities, which
 * say how peaked an edge is, and the score before and after it. The same numbers as `dfine/figures/object/added.py`.
 */
import {bars} from './bars.js';
import {html, put, svg, swatch} from './dom.js';
import {signed} from './format.js';
import {info} from './info.js';
import {PEAKS} from './trace.js';

const SEEN = 0.002; // a bin with less of Pr(n), before the layer and after it, is drawn faintly
const ADDED = 'Above the line, the layer made a bin more probable; below, less probable (Δ-logits, paper eq. 3; +1 makes it e times as '
  + 'probable; the first layer starts from equal bins). Pale bins hold next to nothing: what is added there moves no edge.';
const READ = `LQE reads the ${PEAKS} highest Pr(n) of every edge (bars) and their mean (number). It adds one number to the `
  + 'logits of all classes, a higher one where edges are peaked.';

/** Which bins count: those with some mass before a layer or after it. @param {import('./trace.js').History} h */
const seen = (h, layer, k) => Array.from(h.p[layer - 1][k], (v, n) => Math.max(v, layer > 1 ? h.p[layer - 2][k][n] : 0) > SEEN);

/**
 * @param {import('./main.js').Page} page
 * @returns {{element: HTMLElement, fill: (h: import('./trace.js').History) => void,
 *   light: (state: import('./state.js').State) => void}}
 */
export function added({store}) {
  const grid = html('div', {class: 'panels deltas', role: 'group', 'aria-label': 'Bar charts of what each layer added to the logits'});
  const told = html('p', {class: 'caption now', 'aria-hidden': 'true'}), body = html('tbody'), head = html('tr');
  const element = html('section', {class: 'added'}, html('h3', {}, 'What each layer added'), html('div', {class: 'scroll'}, grid), told,
    html('p', {class: 'caption'}, ADDED), html('h3', {}, 'What LQE read', info('LQE')),
    html('div', {class: 'scroll'}, html('table', {class: 'numbers lqe', 'aria-label': 'What LQE read in every layer'},
      html('thead', {}, head), body)), html('p', {class: 'caption'}, READ));
  let panels = [], built = '', history = null;

  function build(h) {
    const now = `${h.layers} ${h.w.length}`, values = h.w.length;
    if (now === built) return;
    built = now;
    panels = [];
    const cells = [html('span'), ...h.edges.map((name, k) => html('b', {class: 'edge', style: `--colour:${h.colours.edges[k]}`}, name))];
    for (let layer = 1; layer <= h.layers; layer++) {
      cells.push(html('button', {type: 'button', class: 'layer', 'data-layer': layer, style: `--colour:${h.colours.layers[layer - 1]}`,
        onclick: () => store.set({layer})}, `layer ${layer}`));
      for (let k = 0; k < 4; k++) {
        const parts = {lit: svg('rect', {class: 'lit', y: 0, width: 1, height: 100}), faint: svg('path', {class: 'faint', fill: h.colours.edges[k]}),
          bars: svg('path', {fill: h.colours.edges[k]}), zero: svg('line', {class: 'zero', x1: 0, x2: values, y1: 50, y2: 50})};
        const plot = svg('svg', {viewBox: `0 0 ${values} 100`, preserveAspectRatio: 'none', 'aria-hidden': 'true'}, ...Object.values(parts));
        const figure = html('div', {class: 'panel', role: 'img'}, plot);
        const point = (event) => {
          const box = plot.getBoundingClientRect(), bin = Math.floor(((event.clientX - box.left) / box.width) * values);
          store.set({bin: Math.min(Math.max(bin, 0), values - 1), over: k});
          const n = store.state.bin;
          told.textContent = `Layer ${layer}, ${history.edges[k]} edge, n = ${n}, ${signed(history.w[n] * history.perSize[k], ' px')}: `
            + `${signed(history.added[layer - 1][k][n])}, Pr(n) ${(layer > 1 ? history.p[layer - 2][k][n] : 1 / values).toFixed(3)} → `
            + `${history.p[layer - 1][k][n].toFixed(3)}`;
        };
        figure.addEventListener('pointermove', point);
        figure.addEventListener('pointerdown', point);
        figure.addEventListener('pointerleave', () => {
          store.set({bin: null, over: null});
          told.textContent = '';
        });
        cells.push(figure);
        panels.push({figure, parts, layer, k});
      }
    }
    grid.replaceChildren(...cells);
  }

  function fill(h) {
    history = h;
    build(h);
    const counted = panels.map(({layer, k}) => seen(h, layer, k));
    const most = 1.1 * Math.max(1e-3, ...panels.flatMap(({layer, k}, i) =>
      [...h.added[layer - 1][k]].map((v, n) => (counted[i][n] ? Math.abs(v) : 0))));
    const y = (v) => 50 - 50 * Math.min(Math.max(v / most, -1), 1);
    panels.forEach(({figure, parts, layer, k}, i) => {
      const values = h.added[layer - 1][k], part = (kind) => bars(values.map((v, n) => (counted[i][n] === kind ? v : 0)), y);
      put(parts.bars, {d: part(true)});
      put(parts.faint, {d: part(false)});
      const top = values.reduce((best, v, n) => (counted[i][n] && v > (values[best] ?? -Infinity) ? n : best), -1);
      put(figure, {'aria-label': `${h.edges[k]} edge, layer ${layer}: most is added at n = ${top}`});
    });
    head.replaceChildren(...['layer', ...h.edges.map((name, k) => swatch(h.colours.edges[k], name)), 'LQE adds', 'score before → after']
      .map((content) => html('th', {scope: 'col'}, content)));
    body.replaceChildren(...h.p.map((_, i) => html('tr', {'data-layer': i + 1},
      html('th', {scope: 'row'}, swatch(h.colours.layers[i], `layer ${i + 1}`)),
      ...h.peaks(i + 1).map((peaks, k) => html('td',
        {'aria-label': `${peaks.slice(0, -1).map((v) => v.toFixed(2)).join(', ')}; mean ${peaks.at(-1).toFixed(2)}`},
        html('span', {class: 'peaks', style: `--colour:${h.colours.edges[k]}`}, ...peaks.slice(0, -1).map((v) =>
          html('i', {style: `height:${Math.max(2, 100 * v).toFixed(0)}%`, title: v.toFixed(3)}))), peaks.at(-1).toFixed(2))),
      html('td', {}, signed(h.quality[i])), html('td', {}, `${h.scoresBefore[i].toFixed(2)} → `, html('b', {}, h.scores[i + 1].toFixed(2))))));
  }

  function light(state) {
    const layer = Math.ceil(state.layer - 1e-9);
    for (const {figure, parts, layer: mine, k} of panels) {
      put(figure, {class: `panel${mine === layer ? ' row' : ''}${k === state.over ? ' column' : ''}`});
      put(parts.lit, {x: state.bin ?? 0, display: state.bin !== null && k === (state.over ?? state.edge) ? null : 'none'});
    }
    for (const tr of body.children) put(tr, {class: +tr.dataset.layer === layer && 'row'});
    for (const button of grid.querySelectorAll('.layer')) put(button, {'aria-current': +button.dataset.layer === layer && 'true'});
  }

  return {element, fill, light};
}
