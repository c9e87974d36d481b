/**
 * "One edge, to the pixel": one edge through the layers, and the sum that places it. One row a layer: left Pr(n) with
 * the layer before in grey, right the contributions W(n)·Pr(n), which sum to Σ. The axis is W(n) to scale, in pixels or
 * in sizes of the initial box, or the bins evenly spaced.
 */
import {over} from './distribution.js';
import {html, put, svg} from './dom.js';
import {escaped, fixed, number, signed} from './format.js';
import {info} from './info.js';
import {chosen} from './state.js';
import {written} from './sum.js';
import {layerName} from './words.js';

const SEEN = 0.002; // bins with less mass than this in every layer may lie outside the axes in pixels and box sizes
const UNITS = {px: 'pixels', box: 'box sizes', bins: 'bins'};
const MOST = 8, SHARE = 0.9; // bins that are shown at once, and the share of the sum that they make up
const OUTWARD = ['to the left', 'up', 'to the right', 'down'], INWARD = ['to the right', 'down', 'to the left', 'up'];

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function edge({element, name: key}, {store}) {
  let unit = 'px', stale = true;
  const radios = (name, id, choose) => {
    const group = html('div', {id, role: 'radiogroup', class: 'radios', 'aria-label': name});
    group.addEventListener('change', (event) => choose(event.target.value));
    return group;
  };
  const which = radios('Edge', 'which', (value) => store.set({edge: +value}));
  const layer = radios('The sum of layer', 'layer', (value) => store.set({layer: +value}));
  const scale = radios('Axis', 'unit', (value) => { unit = value; redraw(); });
  const plot = html('div', {id: 'edge-plot', role: 'group'}), sum = html('div', {id: 'sum'});
  const nothing = html('p', {class: 'nothing'}, 'Nothing to show: no object is chosen.');
  const tools = html('div', {class: 'tools'}, which, layer, scale), body = html('div', {class: 'both'}, plot, sum);
  element.replaceChildren(tools, nothing, body);

  const redraw = () => { stale = true; draw(store.state); };
  function choices(group, pairs, value) {
    const now = JSON.stringify(pairs);
    if (group.dataset.now !== now) {
      group.dataset.now = now;
      group.replaceChildren(html('span', {}, group.getAttribute('aria-label')), ...pairs.map(([text, v]) =>
        html('label', {}, html('input', {type: 'radio', name: group.id, value: v}), text)));
    }
    for (const input of group.querySelectorAll('input')) input.checked = input.value === String(value);
  }

  function draw(state) {
    const history = chosen(state);
    for (const part of [tools, body]) put(part, {hidden: !history});
    put(nothing, {hidden: Boolean(history)});
    if (!history) return;
    const at = Math.max(1, Math.ceil(state.layer - 1e-9));
    choices(which, history.edges.map((name, k) => [name, k]), state.edge);
    choices(layer, history.p.map((_, i) => [String(i + 1), i + 1]), at);
    choices(scale, Object.entries(UNITS).map(([key, text]) => [text, key]), unit);
    const now = [state.edge, at, history.number].join();
    if (stale || plot.dataset.now !== now) {
      plot.dataset.now = now;
      plot.replaceChildren(...rows(history, state.edge, unit, at, store));
      put(plot, {'aria-label': `Pr(n) and W(n)·Pr(n) of the ${history.edges[state.edge]} edge of ${history.title} in `
        + `${history.layers} layers; the table beside has the numbers.`});
      const open = sum.querySelector('details')?.open;
      sum.innerHTML = arithmetic(history, state.edge, at);
      if (open) sum.querySelector('details').open = true;
    }
    stale = false;
    for (const lit of plot.querySelectorAll('.lit')) put(lit, {display: +lit.dataset.n === state.bin ? null : 'none'});
    for (const tr of sum.querySelectorAll('tr[data-n]')) put(tr, {class: +tr.dataset.n === state.bin && 'lit'});
  }
  sum.addEventListener('pointerover', (event) => {
    const tr = event.target.closest?.('tr[data-n]');
    store.set({bin: tr ? +tr.dataset.n : null});
  });
  sum.addEventListener('pointerleave', () => store.set({bin: null}));

  return (state, changed) => {
    stale ||= changed.has('trace') || changed.has('object');
    if (state.tab === key) draw(state);
  };
}

/** The panels of all layers. */
function rows(h, k, unit, shown, store) {
  const pixels = h.perSize[k], scale = unit === 'box' ? 1 : pixels, last = h.w.length - 1, bins = unit === 'bins';
  const x = Array.from(h.w, (v, n) => (bins ? n : v * scale));
  const parts = h.p.map((row) => row[k].map((v, n) => v * h.w[n] * scale));
  const used = x.map((_, n) => n).filter((n) => h.p.some((row) => row[k][n] > SEEN));
  const first = bins ? 0 : Math.max(0, Math.min((used[0] ?? 0) - 1, last / 2 - 5));
  const final = bins ? last : Math.min(last, Math.max((used.at(-1) ?? last) + 1, last / 2 + 5));
  let [low, high] = [Math.min(x[first], x[final]), Math.max(x[first], x[final])];
  const pad = bins ? 0.8 : 0.02 * (high - low);
  [low, high] = [low - pad, high + pad];
  const gap = bins ? 1 : Math.min(...x.slice(1).map((v, n) => Math.abs(v - x[n]))), thick = (bins ? 0.86 : 0.8) * gap;
  const top = Math.max(...h.p.flatMap((row) => [...row[k]])), flat = parts.flatMap((row) => [...row]);
  const deep = Math.min(0, ...flat), tall = Math.max(0, ...flat), span = tall - deep || 1;
  const short = unit === 'box' ? `${size(k)}s` : 'px', say = unit === 'box' ? fraction : (v) => signed(v, ' px');
  const place = (offset) => {
    if (!bins) return offset * scale;
    let n = 0;
    while (n < last - 1 && h.w[n + 1] <= offset) n++;
    return n + Math.min(Math.max((offset - h.w[n]) / (h.w[n + 1] - h.w[n]), 0), 1);
  };
  const across = (v) => (1000 * (v - low)) / (high - low), colour = h.colours.edges[k];

  function panel(values, before, [from, to], more) {
    const y = (v) => (100 * (to - v)) / (to - from), w = (1000 * thick) / (high - low), zero = y(0).toFixed(2);
    const drawn = svg('svg', {viewBox: '0 0 1000 100', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
      svg('line', {class: 'still', x1: across(place(0)), x2: across(place(0)), y1: 20, y2: 100}));
    if (before) {
      const points = over(x, before, bins ? 0 : thick).map(([v, p]) => `${across(v).toFixed(1)} ${y(p).toFixed(2)}`);
      drawn.append(svg('path', {class: 'ghost', d: `M${points.join('L')}`}));
    }
    let d = '';
    values.forEach((v, n) => {
      if (Math.abs(v) > 1e-6 * (to - from)) d += `M${(across(x[n]) - w / 2).toFixed(2)} ${zero}V${y(v).toFixed(2)}h${w.toFixed(2)}V${zero}z`;
    });
    drawn.append(svg('path', {class: 'bars', d, fill: colour}), svg('line', {class: 'zero', x1: 0, x2: 1000, y1: zero,
      y2: zero}));
    x.forEach((v, n) => drawn.append(svg('line', {class: 'lit', 'data-n': n, x1: across(v), x2: across(v), y1: 0,
      y2: 100, display: 'none'})));
    const figure = html('div', {class: 'panel'}, drawn, ...more);
    figure.addEventListener('pointermove', (event) => {
      const box = drawn.getBoundingClientRect(), at = low + ((event.clientX - box.left) / box.width) * (high - low);
      const near = x.reduce((best, v, n) => (Math.abs(v - at) < Math.abs(x[best] - at) ? n : best), 0);
      store.set({bin: near});
    });
    figure.addEventListener('pointerleave', () => store.set({bin: null}));
    return figure;
  }

  const cells = [html('span'), html('b', {}, 'Pr(n)', info('Pr(n)')), html('b', {}, `W(n)·Pr(n), ${short}`, info('Σ W(n)·Pr(n)'))];
  h.p.forEach((row, i) => {
    const reach = h.intervals[i][k], mid = h.offsets[i][k];
    const outward = (v) => ((k < 2 ? -1 : 1) * (v - h.initial.centre[k % 2])) / pixels - 0.5;
    const ends = reach.map((v) => across(place(outward(v)))).sort((a, b) => a - b);
    const length = reach[1] - reach[0];
    const mean = html('span', {class: 'mean', style: `left:${ends[0] / 10}%;width:${(ends[1] - ends[0]) / 10}%`,
      title: `80 %: ${'xy'[k % 2]} between ${fixed(reach[0])} and ${fixed(reach[1])} px (${h.calibration})`});
    const dot = html('span', {class: 'dot', style: `left:${across(place(mid)) / 10}%`});
    const corner = (text) => html('span', {class: 'corner'}, text);
    cells.push(html('button', {type: 'button', class: 'layer', style: `--colour:${h.colours.layers[i]}`,
      'aria-current': i + 1 === shown && 'true',
      onclick: () => store.set({layer: i + 1})}, layerName(i + 1)),
    panel(row[k], i ? h.p[i - 1][k] : null, [0, 1.45 * top],
      [mean, dot, corner(`80 %: ${unit === 'box' ? (length / Math.abs(pixels)).toFixed(3) : `${number(length)} px`}`)]),
    panel(parts[i], i ? parts[i - 1] : null, [deep - 0.08 * span, tall + 0.3 * span],
      [corner(`Σ ${say(mid * scale)}`)]));
  });
  const ticks = nice(low, high, bins, last).map((v) =>
    html('span', {style: `left:${across(v) / 10}%`}, bins || v === 0 ? String(v) : signed(v)));
  const title = bins ? 'bin n' : `W(n), ${short}, outward`;
  cells.push(html('span'), ...[0, 1].map(() => html('div', {class: 'axis'}, ...ticks.map((t) => t.cloneNode(true)),
    html('em', {}, title))));
  return [html('div', {class: 'pair'}, ...cells)];
}

function nice(low, high, bins, last) {
  if (bins) return [0, Math.floor(last / 4), last / 2, last - Math.floor(last / 4), last];
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((v) => v * power).find((v) => v >= rough), out = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) out.push(Math.abs(v) < step / 1e6 ? 0 : v);
  return out;
}

const size = (k) => ['width', 'height'][k % 2];
const fraction = (value) => `${Number(value.toFixed(3)) === 0 ? '' : value > 0 ? '+' : '−'}${Math.abs(value).toFixed(3)}`;

/** The sum in words and digits: every line can be recomputed from the digits above it. */
function arithmetic(h, k, layer) {
  const s = written(h, k, layer), out = s.offset.units >= 0n, name = h.edges[k], colour = h.colours.edges[k];
  const ranked = [...s.terms].sort((a, b) => Number(b.product.absolute.units - a.product.absolute.units));
  const whole = ranked.reduce((sum, t) => sum + Number(t.product.absolute), 0);
  let count = 0, seen = 0;
  while (count < MOST && (count < 3 || seen < SHARE * whole)) seen += Number(ranked[count++].product.absolute);
  const most = Math.max(Number(ranked[0].product.absolute), 1e-12);
  const rest = ranked.slice(count).sort((a, b) => a.n - b.n);
  const row = (t) => `<tr data-n="${t.n}"><th scope="row">${t.n}</th><td>${t.weight.signed}</td><td>${t.share}</td><td style="--share:`
    + `${((100 * Number(t.product.absolute)) / most).toFixed(0)}%;--colour:${colour}">${t.product.signed}</td></tr>`;
  const folded = rest.reduce((sum, t) => sum.plus(t.product), s.offset.times({units: 0n, digits: 0}));
  const sign = k < 2 ? '−' : '+', axis = 'xy'[k % 2], value = h.boxes[layer][k], end = h.size[k % 2];
  let drawn = `the box of ${layerName(layer)} has its ${name} edge at ${axis} = <b class="drawn">${fixed(value)}</b> px`;
  if (value < 0 || value > end) drawn += `, outside the picture; a detection is clipped to ${value < 0 ? 0 : end}`;
  const lines = {
    offset: `Σ W(n)·Pr(n) = ${s.offset.signed} ${size(k)}s of the initial box`,
    shift: `${s.offset.signed} × <span class="extent">${s.extent}</span> px = <b class="shift">${s.shift.signed}</b> px, `
      + `${out ? 'outward' : 'inward'}, ${(out ? OUTWARD : INWARD)[k]} from ${axis} = ${s.start}, where the initial box has this edge`,
    edge: `centre ${sign} (½ ${out ? '+' : '−'} ${s.offset.absolute}) × ${size(k)} = <span class="centre">${s.centre}</span> `
      + `${sign} ${s.factor} × ${s.extent} = <b class="edge">${s.place}</b> px`,
    drawn,
  };
  let before = null;
  const layers = h.p.map((_, i) => {
    const one = written(h, k, i + 1), moved = before ? one.shift.plus(before.negated) : one.shift;
    before = one.shift;
    const cells = [one.offset.signed, one.shift.signed, moved.signed, one.place].map((c) => `<td>${c}</td>`);
    return `<tr${i + 1 === layer ? ' class="mine"' : ''}><th scope="row">${i + 1}</th>${cells.join('')}</tr>`;
  });
  const th = (...names) => `<tr>${names.map((n) => `<th scope="col">${n}</th>`).join('')}</tr>`;
  return `<p><i style="color:${colour}" aria-hidden="true">●</i> `
    + `<b>${name[0].toUpperCase()}${name.slice(1)} edge of the ${escaped(h.name)}, ${layerName(layer)}</b></p>`
    + '<table class="bins" aria-label="The bins that count most">'
    + `${th('n', 'W(n)', 'Pr(n)', 'W(n)·Pr(n)')}${ranked.slice(0, count).map(row).join('')}</table>`
    + `<details><summary><span>the other ${rest.length} bins</span><span class="rest">${folded.signed}</span></summary>`
    + `<table class="bins" aria-label="The other bins: n, W(n), Pr(n), W(n)·Pr(n)">${rest.map(row).join('')}</table></details>`
    + `<table class="bins total" role="presentation"><tr><td>Σ</td><td></td><td></td><td><b class="offset">${s.offset.signed}</b></td></tr></table>`
    + `<dl>${Object.entries(lines).map(([term, text]) => `<dt>${term}</dt><dd>${text}</dd>`).join('')}</dl>`
    + `<div class="scroll"><table class="layers" aria-label="The edge in every layer">`
    + `${th('layer', `Σ, ${size(k)}s`, 'shift', 'moved', 'edge')}${layers.join('')}</table></div>`
    + '<p class="caption">A layer adds to the logits of the one before it (paper eq. 3) and takes the softmax anew. Every layer’s '
    + 'shift is from the same initial box; how far it moved the edge is the difference to the layer before. All in px.</p>';
}
