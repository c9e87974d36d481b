/**
 * A laboratory of W(n): the curve, with sliders for its constants; the chosen object's Pr(n) stay as they are, and its
 * box is decoded anew with another W(n), here and in both pictures. The network was not trained for it.
 */
import {weighting} from './distribution.js';
import {chart, html, put, svg, swatch} from './dom.js';
import {number, signed} from './format.js';
import {chosen, read} from './state.js';

const HEIGHT = 300, MARGIN = {left: 46, right: 14, top: 12, bottom: 34};
const AS = [0.25, 0.375, 0.5, 0.75, 1], CS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1];
const SAID = new Map([[1 / 32, '1/32'], [1 / 16, '1/16'], [1 / 8, '1/8'], [1 / 4, '1/4'], [3 / 8, '3/8'], [1 / 2,
  '1/2'], [3 / 4, '3/4']]);
const said = (v) => SAID.get(v) ?? String(+v.toFixed(3));
const near = (v, stops) => stops.find((s) => Math.abs(Math.log(v / s)) < 0.03) ?? v;
const PUBLISHED = 'Published (underlined): a = 1/2; c = 1/4 for N, S, M and L, c = 1/8 for X.';

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function lab({element, name: key}, {store}) {
  const formula = html('p', {class: 'formula'}), note = html('p', {class: 'caption'}), outcome = html('p',
    {class: 'outcome', role: 'status'});
  const drawing = chart(HEIGHT, paint, {role: 'img'}), body = html('tbody'), head = html('thead', {}, html('tr', {},
    ...['edge', 'finest step', 'a quarter out', 'at ±a', 'farthest', 'Σ with the network’s W(n)', 'Σ now',
      'edge moves'].map((t) => html('th', {scope: 'col'}, t))));
  const dial = (name, stops, published) => {
    const input = html('input', {type: 'range', min: 0, max: 1000, step: 1, 'aria-label': `${name} of W(n)`});
    const value = html('output', {}), [low, high] = [Math.log(stops[0]), Math.log(stops.at(-1))];
    const marks = html('span', {class: 'marks'}, ...stops.map((s) => html('button', {type: 'button', tabindex: -1,
      class: published.includes(s) && 'published',
      style: `left:${(100 * (Math.log(s) - low)) / (high - low)}%`, onclick: () => turn(name, s)}, said(s))));
    input.addEventListener('input', () => turn(name, near(Math.exp(low + (input.value / 1000) * (high - low)), stops)));
    return {element: html('div', {class: 'dial'}, html('b', {}, name), html('div', {class: 'track'}, input, marks),
      value),
      show(v) { input.value = (1000 * (Math.log(v) - low)) / (high - low); value.textContent = said(v); put(input,
        {'aria-valuetext': said(v)}); }};
  };
  const dials = {a: dial('a', AS, [1 / 2]), c: dial('c', CS, [1 / 8, 1 / 4])};
  const back = html('button', {type: 'button', class: 'back', onclick: () => store.set({lab: null})},
    'The network’s own');
  const nothing = html('p', {class: 'nothing'}, 'Nothing to show: no object is chosen.');
  const all = html('div', {class: 'lab'}, formula,
    html('div', {class: 'both'}, html('div', {}, drawing.into), html('div', {}, dials.a.element, dials.c.element, back,
      note)),
    outcome, html('div', {class: 'scroll'}, html('table', {class: 'numbers'}, head, body)));
  element.replaceChildren(nothing, all);
  let bin = null;

  function turn(name, value) {
    const {trace, lab: now} = store.state, own = {a: trace.a, c: trace.c}, next = {...(now ?? own), [name]: value};
    const same = ['a', 'c'].every((key) => Math.abs(next[key] - own[key]) < 1e-4);
    store.set({lab: same ? null : next}, {remember: false});
  }

  const constants = ({trace, lab: now}) => now ?? {a: trace.a, c: trace.c};

  function paint(into, width, height) {
    const {state} = store, {trace} = state;
    if (!trace) return;
    const {a, c} = constants(state), w = weighting(trace.bins, a, c), most = 2.08 * Math.max(a, trace.a);
    const left = MARGIN.left, right = width - MARGIN.right, top = MARGIN.top, bottom = height - MARGIN.bottom;
    const x = (n) => left + ((right - left) * n) / trace.bins;
    const y = (v) => (top + bottom) / 2 - ((bottom - top) / 2) * (v / most);
    for (const v of [-2 * a, -a, 0, a, 2 * a]) {
      into.append(svg('line', {class: 'grid', x1: left, x2: right, y1: y(v), y2: y(v)}),
        svg('text', {x: left - 6, y: y(v) + 4, 'text-anchor': 'end'}, v === 0 ? '0' : signed(v)));
    }
    for (const n of [0, trace.bins / 4, trace.bins / 2, (3 * trace.bins) / 4, trace.bins])
      into.append(svg('text', {x: x(n), y: bottom + 16, 'text-anchor': 'middle'}, String(n)));
    into.append(svg('text', {x: (left + right) / 2, y: height - 4, 'text-anchor': 'middle'}, 'bin n'));
    const line = (values, kind) => svg('path', {class: kind, fill: 'none',
      d: `M${Array.from(values, (v, n) => `${x(n).toFixed(1)} ${y(v).toFixed(1)}`).join('L')}`});
    into.append(line(trace.w, 'own'), line(w, 'tried'));
    const dot = (n) => `M${x(n).toFixed(1)} ${y(w[n]).toFixed(1)}h0`;
    into.append(svg('path', {class: 'dots', d: Array.from(w, (_, n) => dot(n)).join('')}));
    if (bin !== null) into.append(svg('path', {class: 'dots on', d: dot(bin)}));
    if (bin !== null) into.append(svg('text', {class: 'told', x: Math.min(Math.max(x(bin), left + 60), right - 60),
      y: top + 8, 'text-anchor': 'middle'},
      `n = ${bin}: W(n) = ${signed(w[bin])} box sizes`));
  }
  drawing.into.addEventListener('pointermove', (event) => {
    const {trace} = store.state, box = drawing.into.getBoundingClientRect();
    if (!trace) return;
    const share = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    store.set({bin: Math.round(Math.min(Math.max(share, 0), 1) * trace.bins)});
  });
  drawing.into.addEventListener('pointerleave', () => store.set({bin: null}));

  function numbers(state, history, tried) {
    const {w} = tried, half = (w.length - 1) / 2, quarter = Math.floor(half / 2), last = history.layers - 1;
    const step = (n, k) => `${number(Math.abs((w[n + 1] - w[n]) * history.perSize[k]))} px`;
    if (body.dataset.of !== `${history.number} ${history.query}`) {
      body.dataset.of = `${history.number} ${history.query}`;
      body.replaceChildren(...history.edges.map((name, k) => html('tr', {},
        html('td', {}, swatch(history.colours.edges[k], name)), ...Array.from({length: 7}, () => html('td')))));
    }
    history.edges.forEach((_, k) => {
      const before = history.offsets[last][k] * history.perSize[k], now = tried.offsets[last][k] * history.perSize[k];
      const far = Math.abs(w[w.length - 1] * history.perSize[k]);
      [step(half, k), step(half + quarter, k), step(w.length - 3, k), `± ${number(far)} px`, signed(before, ' px'),
        signed(now, ' px'), signed(now - before, ' px')].forEach((text, i) => {
        body.children[k].children[i + 1].textContent = text;
      });
    });
    const {a, c} = constants(state), [own, other] = [history, tried].map((h) => h.boxes[last + 1]);
    const moved = Math.max(...own.map((v, k) => Math.abs(other[k] - v)));
    const fine = `Corrections up to ${number(Math.abs(w[half + quarter] * history.perSize[0]))} px in width and `
      + `${number(Math.abs(w[half + quarter] * history.perSize[1]))} px in height fall among the ${2 * quarter + 1} bins in the middle, which are fine; `
      + 'further out, steps grow, and beyond ±a there is one bin only.';
    outcome.textContent = state.lab
      ? `With a = ${said(a)}, c = ${said(c)}, the same Pr(n) would put an edge of this box up to ${number(moved)} px elsewhere. `
        + `The network was not retrained: it learned its Pr(n) for a = ${said(state.trace.a)}, c = ${said(state.trace.c)}. ${fine}`
      : `This is the network’s own W(n), a = ${said(a)}, c = ${said(c)}. ${fine}`;
  }

  return (state, changed) => {
    if (state.tab !== key) return;
    const history = chosen(state), {trace} = state;
    put(all, {hidden: !history});
    put(nothing, {hidden: Boolean(history)});
    if (!history) return;
    if (changed.has('bin') || bin !== state.bin) bin = state.bin;
    const {a, c} = constants(state);
    dials.a.show(a);
    dials.c.show(c);
    back.disabled = !state.lab;
    if (!formula.textContent || changed.has('trace')) {
      const N = trace.bins;
      formula.replaceChildren('W(n) = ±c·((a/c + 1)', html('sup', {}, `|2n − N| / (N − 2)`),
        ' − 1), W(0) = −2a, W(N) = 2a', html('span', {}, ` (paper eq. 4; N = ${N})`));
      note.textContent = `${PUBLISHED} N = ${N} is fixed by the network: it has ${N + 1} outputs per edge. Grey: the network’s own curve.`;
    }
    put(drawing.into, {'aria-label': `W(n) over n for a = ${said(a)}, c = ${said(c)}, from ${signed(-2 * a)} to ${signed(2 * a)} box sizes`});
    drawing.draw();
    if (['trace', 'object', 'lab', 'tab'].some((key) => changed.has(key))) numbers(state, history, read(state));
  };
}
