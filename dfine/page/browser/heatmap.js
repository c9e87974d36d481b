/**
 * A heat map: the error of quantisation over a and c, of a data set's true edges. `dfine/evaluation/quantisation.py`
 * says what it is; `assets/make_quantisation.py` computed the table that ships.
 */
import {chart, html, put, svg} from './dom.js';
import {number} from './format.js';

const HEIGHT = 264, MARGIN = {left: 46, right: 8, top: 8, bottom: 44};
const [LIGHT, DARK] = [[236, 240, 252], [49, 34, 118]];
const PUBLISHED = [{a: 0.5, c: 0.25, text: 'N S M L'}, {a: 0.5, c: 0.125, text: 'X'}];

/**
 * @param {{a: number[], c: number[], errors: number[][], objects: number, pictures: number, model: string}} table
 * @param {(v: number) => string} said how a constant is written
 * @param {(constants: {a: number, c: number}) => void} choose
 * @returns {{element: HTMLElement, draw: (constants: {a: number, c: number}) => void}}
 */
export function heatmap(table, said, choose) {
  const {a, c, errors} = table, all = errors.flat(), low = Math.log(Math.min(...all)), high = Math.log(Math.max(...all));
  const [best, least] = lowest(table), near = (values, v) => values.reduce((i, one, j) =>
    (Math.abs(Math.log(one / v)) < Math.abs(Math.log(values[i] / v)) ? j : i), 0);
  const at = ({a: one, c: other}) => errors[near(a, one)][near(c, other)];
  const about = `How far the nearest W(n) lies from the true edge, on average over ${table.objects} objects that ${table.model} `
    + `found in ${table.pictures} drawn scenes of 640 × 480. Published: ${PUBLISHED.map((p) => `${p.text} ${number(at(p))} px`).join(', ')}. `
    + `The least is ${number(least)} px, at a = ${said(best.a)}, c = ${said(best.c)}. Initial boxes are nearly right here, so `
    + 'small constants suffice; larger ones also reach boxes that start further off, up to ±2a. A network mixes bins and gets '
    + 'nearer still. Click to set a and c.';
  const told = html('p', {class: 'told', 'aria-hidden': 'true'});
  let mark = null, now = null, place = null, wide = 0, tall = 0;
  const drawing = chart(HEIGHT, (into, width) => {
    [wide, tall] = [(width - MARGIN.left - MARGIN.right) / c.length, (HEIGHT - MARGIN.top - MARGIN.bottom) / a.length];
    const x = (i) => MARGIN.left + i * wide, y = (i) => MARGIN.top + (a.length - 1 - i) * tall;
    a.forEach((one, i) => c.forEach((other, j) => {
      const share = (Math.log(errors[i][j]) - low) / (high - low || 1);
      into.append(svg('rect', {x: x(j), y: y(i), width: wide + 0.4, height: tall + 0.4,
        fill: `rgb(${LIGHT.map((v, k) => Math.round(v + share * (DARK[k] - v))).join(' ')})`}));
      if (wide > 34 && j % 2 === 0 && i % 2 === 0) into.append(svg('text', {class: 'value', x: x(j) + wide / 2, y: y(i) + tall / 2 + 4,
        'text-anchor': 'middle', style: `fill:${share > 0.5 ? '#fff' : '#18181b'}`}, number(errors[i][j])));
    }));
    a.forEach((one, i) => i % 2 === 0 && into.append(svg('text', {x: MARGIN.left - 6, y: y(i) + tall / 2 + 4, 'text-anchor': 'end'}, said(one))));
    c.forEach((one, j) => j % 2 === 0 && into.append(svg('text', {x: x(j) + wide / 2, y: HEIGHT - 28, 'text-anchor': 'middle'}, said(one))));
    into.append(svg('text', {x: 10, y: MARGIN.top + 10, 'font-weight': 700}, 'a'),
      svg('text', {x: (MARGIN.left + width) / 2, y: HEIGHT - 8, 'text-anchor': 'middle', 'font-weight': 700}, 'c'));
    place = ({a: one, c: other}) => {
      const along = (values, v) => (Math.log(v / values[0]) / Math.log(values.at(-1) / values[0])) * (values.length - 1);
      return [x(along(c, other)) + wide / 2, y(along(a, one)) + tall / 2];
    };
    for (const p of PUBLISHED) {
      const [px, py] = place(p);
      into.append(svg('rect', {class: 'published', x: px - wide / 2 + 1, y: py - tall / 2 + 1, width: wide - 2, height: tall - 2}),
        svg('text', {class: 'published', x: px, y: py + 4 + tall, 'text-anchor': 'middle'}, p.text));
    }
    mark = into.appendChild(svg('circle', {class: 'here', r: 4.5}));
    if (now) move(now);
    const cell = (event) => {
      const box = into.getBoundingClientRect(), j = Math.floor((event.clientX - box.left - MARGIN.left) / wide);
      const i = a.length - 1 - Math.floor((event.clientY - box.top - MARGIN.top) / tall);
      return a[i] && c[j] ? {a: a[i], c: c[j]} : null;
    };
    into.onpointermove = (event) => say(cell(event));
    into.onpointerleave = () => say(null);
    into.onclick = (event) => { const to = cell(event); if (to) choose(to); };
  }, {role: 'img', 'aria-label': about});

  function move(constants) {
    if (!place) return;
    const [cx, cy] = place(constants), inside = ['a', 'c'].every((key) => {
      const values = table[key];
      return constants[key] > values[0] * 0.97 && constants[key] < values.at(-1) * 1.03;
    });
    put(mark, {cx: cx + wide / 2 - 6, cy: cy - tall / 2 + 6, display: inside ? null : 'none'});
  }

  function say(constants) {
    const one = constants ?? now;
    if (one) told.textContent = `a = ${said(one.a)}, c = ${said(one.c)}: ${number(at(one))} px`;
  }

  return {
    element: html('figure', {class: 'heat'}, html('figcaption', {}, 'Error of quantisation over a data set, in px'), told, drawing.into,
      html('p', {class: 'caption'}, about)),
    draw(constants) {
      now = constants;
      move(constants);
      say(null);
    },
  };
}

/** The constants with the least error, and that error. */
function lowest({a, c, errors}) {
  let best = {a: a[0], c: c[0]}, least = Infinity;
  errors.forEach((row, i) => row.forEach((v, j) => {
    if (v < least) [best, least] = [{a: a[i], c: c[j]}, v];
  }));
  return [best, least];
}
