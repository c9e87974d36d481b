/**
 * A laboratory of W(n): the curve, with sliders for its constants; the chosen object's box is decoded anew with another
 * W(n), or with Pr(n) that are edited by hand, here and in both pictures. The network was not trained for it.
 */
import {weighting} from './distribution.js';
import {chart, html, put, svg, swatch, switchOff} from './dom.js';
import {number, signed} from './format.js';
import {hand} from './hand.js';
import {heatmap} from './heatmap.js';
import {info} from './info.js';
import {resting, speak} from './spoken.js';
import {stepChart} from './steps.js';
import {chosen, read} from './state.js';

const HEIGHT = 300, MARGIN = {left: 46, right: 14, top: 12, bottom: 34};
const AS = [0.25, 0.375, 0.5, 0.75, 1], CS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1];
const SAID = new Map([[1 / 32, '1/32'], [1 / 16, '1/16'], [1 / 8, '1/8'], [1 / 4, '1/4'], [3 / 8, '3/8'], [1 / 2,
  '1/2'], [3 / 4, '3/4']]);
const said = (v) => SAID.get(v) ?? String(+v.toFixed(3));
const near = (v, stops) => stops.find((s) => Math.abs(Math.log(v / s)) < 0.03) ?? v;
const STEP = 25; // thousandths of a dial that an arrow key turns it by: a smaller step would fall back to the stop that it leaves
const PUBLISHED = 'Published (underlined): a = 1/2; c = 1/4 for N, S, M and L, c = 1/8 for X.';

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function lab({element, name: key, props}, page) {
  const {store} = page;
  const formula = html('p', {class: 'formula'}), note = html('p', {class: 'caption'}), outcome = html('p', {class: 'outcome'});
  const aloud = resting(() => speak(outcome.textContent));
  const drawing = chart(HEIGHT, paint, {role: 'img'}), body = html('tbody'), head = html('thead', {}, html('tr', {},
    ...['edge', 'finest step', 'a quarter out', 'at ±a', 'farthest', 'Σ with the network’s W(n)', 'Σ now',
      'edge moves'].map((t) => html('th', {scope: 'col'}, t))));
  const dial = (name, stops, published) => {
    const input = html('input', {type: 'range', min: 0, max: 1000, step: 1, 'aria-label': `${name} of W(n)`});
    const value = html('output', {'aria-live': 'off'}), [low, high] = [Math.log(stops[0]), Math.log(stops.at(-1))];
    const marks = html('span', {class: 'marks'}, ...stops.map((s) => html('button', {type: 'button', tabindex: -1,
      class: published.includes(s) && 'published',
      style: `left:${(100 * (Math.log(s) - low)) / (high - low)}%`, onclick: () => turn({[name]: s})}, said(s))));
    let turning = false; // Undo takes a whole turn back
    input.addEventListener('input', () => {
      turn({[name]: near(Math.exp(low + (input.value / 1000) * (high - low)), stops)}, !turning);
      turning = true;
    });
    input.addEventListener('change', () => { turning = false; });
    input.addEventListener('keydown', (event) => {
      const by = {ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP}[event.key];
      if (!by) return;
      event.preventDefault();
      const to = Math.min(Math.max(+input.value + by, 0), 1000);
      turn({[name]: near(Math.exp(low + (to / 1000) * (high - low)), stops)}, !event.repeat);
    });
    return {element: html('div', {class: 'dial', 'data-of': name}, html('b', {}, name), html('div', {class: 'track'}, input, marks),
      value),
      show(v) { input.value = (1000 * (Math.log(v) - low)) / (high - low); value.textContent = said(v); put(input,
        {'aria-valuetext': said(v)}); }};
  };
  const dials = {a: dial('a', AS, [1 / 2]), c: dial('c', CS, [1 / 8, 1 / 4])};
  const back = html('button', {type: 'button', class: 'back', onclick: () => store.set({lab: null})},
    'The network’s own');
  const nothing = html('p', {class: 'nothing'}, 'Nothing to show: no object is chosen.');
  const byHand = hand(page), steps = stepChart();
  const heat = props.value ? heatmap(props.value, said, turn) : null;
  const all = html('div', {class: 'lab'}, formula,
    html('div', {class: 'both'}, html('div', {}, drawing.into), html('div', {}, dials.a.element, dials.c.element, back,
      note)),
    outcome, html('div', {class: 'scroll'}, html('table', {class: 'numbers', 'aria-label': 'What W(n) means for each edge'}, head, body)), byHand.element,
    html('div', {class: 'pair-of-charts'}, steps.element, ...(heat ? [heat.element] : [])));
  element.replaceChildren(nothing, all);
  let bin = null, curve = null;

  function turn(changes, remember = true) {
    const {trace, lab: now} = store.state, own = {a: trace.a, c: trace.c}, next = {...(now ?? own), ...changes};
    const same = ['a', 'c'].every((each) => Math.abs(next[each] - own[each]) < 1e-4);
    store.set({lab: same ? null : next}, {remember});
  }

  const constants = ({trace, lab: now}) => now ?? {a: trace.a, c: trace.c};

  // The nodes of the curve, which stay until the width of the tab or the network changes.
  function paint(into, width, height) {
    const {trace} = store.state;
    if (!trace) return;
    const left = MARGIN.left, right = width - MARGIN.right, top = MARGIN.top, bottom = height - MARGIN.bottom;
    const x = (n) => left + ((right - left) * n) / trace.bins, path = (kind) => svg('path', {class: kind, fill: 'none'});
    const grid = Array.from({length: 5}, () => [svg('line', {class: 'grid', x1: left, x2: right}),
      svg('text', {x: left - 6, 'text-anchor': 'end'})]);
    curve = {trace, x, middle: (top + bottom) / 2, half: (bottom - top) / 2, grid, own: path('own'), tried: path('tried'),
      dots: path('dots'), on: path('dots on'), told: svg('text', {class: 'told', y: top + 8, 'text-anchor': 'middle'}),
      limit: (v) => Math.min(Math.max(v, left + 70), right - 70)};
    into.append(...grid.flat(), ...[0, trace.bins / 4, trace.bins / 2, (3 * trace.bins) / 4, trace.bins].map((n) =>
      svg('text', {x: x(n), y: bottom + 16, 'text-anchor': 'middle'}, String(n))),
    svg('text', {x: (left + right) / 2, y: height - 4, 'text-anchor': 'middle'}, 'bin n'),
    curve.own, curve.tried, curve.dots, curve.on, curve.told);
    bend();
  }

  function bend() {
    const {state} = store, {trace} = state;
    if (!curve || !trace) return;
    const {a, c} = constants(state), w = weighting(trace.bins, a, c), most = 2.08 * Math.max(a, trace.a);
    const {x} = curve, y = (v) => curve.middle - (curve.half * v) / most;
    [-2 * a, -a, 0, a, 2 * a].forEach((v, i) => {
      put(curve.grid[i][0], {y1: y(v), y2: y(v)});
      put(curve.grid[i][1], {y: y(v) + 4});
      curve.grid[i][1].textContent = v === 0 ? '0' : signed(v);
    });
    const line = (values) => `M${Array.from(values, (v, n) => `${x(n).toFixed(1)} ${y(v).toFixed(1)}`).join('L')}`;
    const dot = (n) => `M${x(n).toFixed(1)} ${y(w[n]).toFixed(1)}h0`;
    put(curve.own, {d: line(trace.w)});
    put(curve.tried, {d: line(w)});
    put(curve.dots, {d: Array.from(w, (_, n) => dot(n)).join('')});
    put(curve.on, {d: bin === null ? '' : dot(bin)});
    put(curve.told, {x: bin === null ? 0 : curve.limit(x(bin))});
    curve.told.textContent = bin === null ? '' : `n = ${bin}: W(n) = ${signed(w[bin])} box sizes`;
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
        html('th', {scope: 'row'}, swatch(history.colours.edges[k], name)), ...Array.from({length: 7}, () => html('td')))));
    }
    history.edges.forEach((_, k) => {
      const before = history.offsets[last][k] * history.perSize[k], now = tried.offsets[last][k] * history.perSize[k];
      const far = Math.abs(w[w.length - 1] * history.perSize[k]);
      [step(half, k), step(half + quarter, k), step(w.length - 3, k), `± ${number(far)} px`, signed(before, ' px'),
        signed(now, ' px'), signed(now - before, ' px')].forEach((text, i) => {
        const cell = body.children[k].children[i + 1];
        if (cell.textContent !== text) cell.textContent = text;
      });
    });
    const {a, c} = constants(state), [own, other] = [history, tried].map((h) => h.boxes[last + 1]);
    const moved = Math.max(...own.map((v, k) => Math.abs(other[k] - v)));
    outcome.textContent = state.lab
      ? `With a = ${said(a)}, c = ${said(c)}, ${state.hand ? 'the edited' : 'the same'} Pr(n)`
        + ` would put an edge of this box up to ${number(moved)} px elsewhere. `
        + `The network was not retrained: it learned its Pr(n) for a = ${said(state.trace.a)}, c = ${said(state.trace.c)}.`
      : `This is the network’s own W(n), a = ${said(a)}, c = ${said(c)}.`;
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
    switchOff(back, !state.lab);
    if (!formula.textContent || changed.has('trace')) {
      const N = trace.bins;
      formula.replaceChildren('W(n)', info('W(n)'), ' = ±c·((a/c + 1)', html('sup', {}, `|2n − N| / (N − 2)`),
        ' − 1), W(0) = −2a, W(N) = 2a', html('span', {}, ` (paper eq. 4; N = ${N})`));
      note.textContent = `${PUBLISHED} N = ${N} is fixed by the network: it has ${N + 1} outputs per edge. Grey: the network’s own curve.`;
    }
    put(drawing.into, {'aria-label': `W(n) over n for a = ${said(a)}, c = ${said(c)}, from ${signed(-2 * a)} to ${signed(2 * a)} box sizes`});
    if (!curve || curve.trace !== trace) drawing.draw();
    else bend();
    const tried = read(state);
    if (['trace', 'object', 'lab', 'hand', 'tab'].some((each) => changed.has(each))) numbers(state, history, tried);
    if (changed.has('lab') && !changed.has('trace')) aloud();
    byHand.draw(state, changed);
    steps.draw(tried, state.over ?? state.edge, state.bin);
    heat?.draw({a, c});
  };
}
