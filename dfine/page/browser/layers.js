/** "Layer by layer": what every layer did to the object, drawn and in numbers. */
import {added} from './added.js';
import {chart, html, letters, put, svg, swatch} from './dom.js';
import {number, roundUp, signed} from './format.js';
import {explained, info} from './info.js';
import {chosen} from './state.js';
import {stageName} from './words.js';

const START = 26; // pixels before the first stage, with room for the letters there
const HEIGHT = 230, MARGIN = {left: 46, right: 12, top: 14, bottom: 26};

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function layers({element, name: key}, page) {
  const {store} = page, deltas = added(page);
  const plots = [['px from the final box', distances], ['IoU with the final box', overlaps],
    ['score (dotted: before LQE)', scores]]
    .map(([title, paint]) => {
      const drawing = chart(HEIGHT, (into, width, height) => {
        const history = chosen(store.state);
        if (history) paint(axes(into, width, height, history), history);
      }, {'aria-hidden': 'true'});
      return {...drawing, figure: html('figure', {}, html('figcaption', {}, ...explained(title, {IoU: 'IoU', LQE: 'LQE'})), drawing.into)};
    });
  const body = html('tbody'), head = html('tr'), note = html('p', {class: 'caption'});
  const numbers = html('div', {id: 'numbers', class: 'scroll'}, html('table', {class: 'numbers',
    'aria-label': 'Every stage in numbers'}, html('thead', {}, head), body));
  const nothing = html('p', {class: 'nothing'}, 'Nothing to show: no object is chosen.');
  const all = html('div', {}, html('div', {class: 'charts'}, ...plots.map((p) => p.figure)), numbers, note, deltas.element);
  element.replaceChildren(nothing, all);
  let stale = true;

  function fill(h) {
    head.replaceChildren(...['stage', ...h.edges.map((name, k) => swatch(h.colours.edges[k], name)), 'IoU with final',
      'score, before → after LQE'].map((content) => html('th', {scope: 'col'}, content)));
    body.replaceChildren(...h.boxes.map((_, i) => {
      const layer = i - 1, stage = stageName(i);
      const edges = h.edges.map((_, k) => (i ? [signed(h.shifts[layer][k]), html('small', {},
        ` ± ${number(h.deviations[layer][k])}`)] : ['–']));
      const score = [i ? `${h.scoresBefore[layer].toFixed(2)} → ` : '', html('b', {}, h.scores[i].toFixed(2))];
      const cells = [[html('button', {type: 'button'}, swatch(i ? h.colours.layers[layer] : 'transparent', stage))], ...edges, [h.ious[i].toFixed(2)],
        score];
      return html('tr', {'data-layer': i, onclick: () => store.set({layer: i})}, ...cells.map((cell, j) => (j ? html('td', {}, ...cell)
        : html('th', {scope: 'row'}, ...cell))));
    }));
    note.replaceChildren(...explained('Each edge: shift since the stage before in px (positive outward), ± standard deviation of its '
      + `distribution in px (${h.calibration}). A row shows its layer in the pictures.`, {uncalibrated: 'Uncalibrated'}));
  }

  return (state, changed) => {
    stale ||= changed.has('trace') || changed.has('object');
    if (state.tab !== key) return;
    const history = chosen(state);
    put(all, {hidden: !history});
    put(nothing, {hidden: Boolean(history)});
    if (!history) return;
    if (stale || changed.has('tab')) {
      fill(history);
      deltas.fill(history);
      for (const plot of plots) plot.draw();
    }
    stale = false;
    const layer = Math.ceil(state.layer - 1e-9);
    deltas.light(state);
    for (const tr of body.children) {
      put(tr, {class: +tr.dataset.layer === layer && 'row'});
      put(tr.querySelector('button'), {'aria-pressed': String(+tr.dataset.layer === layer)});
    }
    for (const {into} of plots) {
      const mark = into.querySelector('.now');
      if (mark) put(mark, {x1: mark.parentNode.at(state.layer), x2: mark.parentNode.at(state.layer)});
    }
  };
}

// A plot over the stages: `line` draws values at them, `range` sets what the vertical axis holds.
function axes(into, width, height, h) {
  const inner = {left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom};
  const at = (stage) => inner.left + START + ((inner.right - inner.left - START - 14) * stage) / h.layers;
  into.at = at;
  into.append(svg('line', {class: 'now', y1: inner.top, y2: inner.bottom, x1: at(h.layers), x2: at(h.layers)}));
  h.boxes.forEach((_, i) => into.append(
    svg('text', {x: at(i), y: height - 8, 'text-anchor': 'middle'}, i ? String(i) : stageName(i))));
  let y = (v) => v;
  return {
    at, y: (v) => y(v),
    range(low, high, digits) {
      const span = high - low || 1;
      y = (v) => inner.bottom - ((v - low) / span) * (inner.bottom - inner.top);
      for (const v of [0, 0.25, 0.5, 0.75, 1].map((s) => low + s * span)) {
        into.append(svg('line', {class: 'grid', x1: inner.left, x2: inner.right, y1: y(v), y2: y(v)}),
          svg('text', {x: inner.left - 6, y: y(v) + 4, 'text-anchor': 'end'}, v.toFixed(digits).replace('-', '−')));
      }
    },
    letters: (named) => into.append(...letters(named.map(([name, v]) => [name, y(v)]), {x: at(0) - 14, 'text-anchor': 'end'})),
    line(values, colour, {dash = null, aside = 0, spread = null} = {}) {
      const points = values.map((v, i) => (v === null ? null : [at(i) + aside, y(v)]));
      const d = points.map((p, i) => (p ? `${i && points[i - 1] ? 'L' : 'M'}${p[0].toFixed(1)} ${p[1].toFixed(1)}`
        : '')).join('');
      spread?.forEach((s, i) => s !== null && into.append(svg('line', {x1: points[i][0], x2: points[i][0],
        y1: y(values[i] - s), y2: y(values[i] + s),
        stroke: colour, 'stroke-opacity': 0.45, 'stroke-width': 2})));
      into.append(svg('path', {d, fill: 'none', stroke: colour, 'stroke-width': 2, 'stroke-dasharray': dash}),
        ...points.filter(Boolean).map(([x, v]) => svg('circle', {cx: x, cy: v, r: 3.5, fill: colour})));
    },
  };
}

function distances(plot, h) {
  const from = h.edges.map((_, k) => h.boxes.map((box) => (k < 2 ? -1 : 1) * (box[k] - h.boxes[h.layers][k])));
  const spread = h.edges.map((_, k) => [null, ...h.deviations.map((row) => row[k])]);
  const ends = from.flatMap((row, k) => row.flatMap((v, i) => [v - (spread[k][i] ?? 0), v + (spread[k][i] ?? 0)]));
  const most = roundUp(Math.max(...ends.map(Math.abs), 0.1) * 1.05);
  plot.range(-most, most, Number.isInteger(most / 2) ? 0 : 1);
  from.forEach((row, k) => plot.line(row, h.colours.edges[k], {aside: 5 * (k - 1.5), spread: spread[k]}));
  plot.letters(from.map((row, k) => [h.edges[k], row[0]]));
}

function overlaps(plot, h) {
  plot.range(0, 1, 2);
  plot.line(h.ious, h.colours.layers.at(-1));
}

function scores(plot, h) {
  plot.range(0, 1, 2);
  plot.line([null, ...h.scoresBefore], h.colours.layers.at(-1), {dash: '2 4'});
  plot.line(h.scores, h.colours.layers.at(-1));
}
