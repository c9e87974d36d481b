/**
 * Two looks side by side: what the picture is compared with is chosen here and looked at by the server; objects of both
 * looks stand in one table, and the chosen one's edges are drawn for both.
 */
import {density} from './distribution.js';
import {chart, frame, html, put, rect, svg} from './dom.js';
import {number, signed} from './format.js';
import {edgeMarks} from './marks.js';
import {SECOND, rows, scale, told} from './pairs.js';
import {walking} from './table.js';
import {Trace} from './trace.js';
import {OWN} from './url.js';

const HEIGHT = 120, BOTTOM = 98, LATE = 60000; // pixels of a plot, and of its axis; milliseconds
const NOTE = 'For each edge: how far it moved outward, and below that the length of its 80 % interval before and after. '
  + 'Curves: where the edges of the chosen object may lie, grey for the first look, coloured for the second.';
const SIDES = ['First look', 'Second look'];

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function compare({element, name: key, props, trigger, watch}, page) {
  const {store} = page;
  let asked = '', pending = false, second = null, all = [], only = null, late = 0, uploads = 0;
  const select = (label, id, change) => {
    const input = html('select', {id: `second-${id}`, onchange: () => choose({[id]: input.value})});
    return {input, element: html('label', {}, label, input)};
  };
  const model = select('Model', 'model'), picture = select('Picture', 'picture'), way = select('Spoiled by', 'way');
  const dial = html('input', {type: 'range', min: 0, max: 1, step: 0.05, id: 'second-amount',
    onchange: () => choose({amount: +dial.value})}), amount = html('output', {'aria-live': 'off'});
  dial.addEventListener('input', () => { amount.textContent = dial.value; });
  const turn = html('label', {}, 'How much', html('span', {class: 'dialled'}, dial, amount));
  const said = html('p', {class: 'outcome', role: 'status'});
  const sides = SIDES.map((title) => side(title));
  const body = html('tbody'), head = html('thead', {}, html('tr', {}, ...['before', 'after', 'IoU'].map((text) =>
    html('th', {scope: 'col'}, text)), ...['left', 'top', 'right', 'bottom'].map((text) => html('th', {scope: 'col'},
    text))));
  const table = html('table', {class: 'numbers', role: 'grid', 'aria-label': 'Objects of both looks: arrow keys walk, Enter chooses'},
    head, body);
  const stop = walking(body, (tr) => pick(all[[...body.children].indexOf(tr)])), edges = html('div', {class: 'edges'});
  const result = html('div', {class: 'result', hidden: true}, html('div', {class: 'sides'}, ...sides.map((s) =>
    s.element)), html('div', {class: 'scroll'}, table),
    html('p', {class: 'caption'}, NOTE), edges);
  const nothing = html('p', {class: 'nothing'}, 'Nothing to compare: there is no picture.');
  const settings = html('div', {class: 'settings'}, model.element, picture.element, way.element, turn);
  element.replaceChildren(settings, said, nothing, result);
  const plots = [0, 1, 2, 3].map((k) => {
    const drawing = chart(HEIGHT, (into, width) => paint(into, width, k), {role: 'img'});
    const caption = html('figcaption', {});
    edges.append(html('figure', {}, caption, drawing.into));
    return {...drawing, caption};
  });

  const wish = () => store.state.second ?? SECOND;
  const choose = (changes) => store.set({second: {...wish(), ...changes}});
  const seen = (d) => d.score >= Math.fround(store.state.threshold)
    && (!store.state.classes.length || store.state.classes.includes(d.name));
  const chosen = () => all.find((r) => (only === null ? r.before !== null && r.before === store.state.object
    : r.before === null && r.after === only)) ?? null;

  // What the server says: what there is to choose, and the second look at what was asked for last.
  function heard() {
    const value = props.value;
    if (!value) return;
    offer(value);
    if (value.own) {
      [uploads, pending] = [uploads + 1, false]; // another picture under the same name; what waited is superseded
      choose({picture: OWN});
      return ask();
    }
    if (value.asked === undefined) return;
    [asked, pending] = [value.asked, false];
    clearTimeout(late);
    if (asked !== question()) return ask(); // something else has been chosen in the meantime
    second = value.compact ? {...value, trace: new Trace(value.compact)} : null;
    only = null;
    if (!second) say(value.sentence);
    draw();
  }

  function offer({models = [], pictures = [], ways = []}) {
    const fill = ({input}, first, pairs) => input.replaceChildren(...[[first, ''], ...pairs].map(([text, v]) =>
      html('option', {value: v}, text)));
    fill(model, 'the same', models);
    fill(picture, 'the same', pictures);
    fill(way, 'nothing', ways);
    show();
  }

  function show() {
    const now = wish();
    for (const [input, value] of [[model.input, now.model], [picture.input, now.picture], [way.input, now.way]]) {
      const there = [...input.options].some((option) => option.value === value);
      if (!there && value) input.append(html('option', {value}, value));
      input.value = value;
    }
    dial.value = now.amount;
    amount.textContent = String(now.amount);
    dial.disabled = !now.way;
  }

  const question = () => JSON.stringify([page.told.picture?.url, page.told.model, wish(),
    wish().picture === OWN && uploads]);

  // One question at a time; what is chosen meanwhile is asked once the answer has come.
  function ask() {
    if (!store.state.trace || question() === asked) return;
    second = null;
    put(result, {hidden: true});
    say('Looking a second time …');
    if (pending) return;
    [asked, pending] = [question(), true];
    clearTimeout(late);
    // An answer that comes later still counts; without one, the same can be asked again.
    late = setTimeout(() => {
      [asked, pending] = ['', false];
      say('No answer has come yet. Choose again what to compare with, or wait.');
    }, LATE);
    trigger('second', {...wish(), asked});
  }

  const say = (text) => { if (said.textContent !== text) said.textContent = text; };

  function draw() {
    const {state} = store, first = state.trace;
    put(nothing, {hidden: Boolean(first)});
    put(settings, {hidden: !first});
    put(result, {hidden: !first || !second});
    if (!first || !second) return;
    all = rows(first, second.trace, second.pairs, seen);
    say(told(all, first, second.trace, seen, number));
    [page.told.picture.url, second.picture.url].forEach((url, i) => {
      sides[i].title.textContent = `${SIDES[i]}: ${second.titles[i]}`;
      if (sides[i].image.getAttribute('src') !== url) sides[i].image.src = url;
    });
    body.replaceChildren(...all.map(row));
    choice();
  }

  function row(r) {
    const [a, b] = [store.state.trace, second.trace], d = r.before === null ? null : a.detections[r.before];
    const e = r.after === null ? null : b.detections[r.after], blank = '–';
    const cell = (one) => html('td', {}, ...(one ? [html('i', {style: `background:${one.colour}`}),
      `${one.name} ${one.score.toFixed(2)}${seen(one) ? '' : ' (below)'}`] : [blank]));
    const lengths = [0, 1, 2, 3].map((k) => html('td', {}, ...(r.moved ? [signed(r.moved[k], ' px'),
      html('small', {}, `${number(r.spreads[0][k])} → ${number(r.spreads[1][k])} px`)] : [blank])));
    const now = cell(e);
    if (d && e && d.name !== e.name) now.classList.add('other');
    return html('tr', {'data-before': r.before ?? '', 'data-after': r.after ?? '', onclick: () => pick(r)}, cell(d), now,
      html('td', {}, r.iou ? r.iou.toFixed(2) : blank), ...lengths);
  }

  function pick(r) {
    only = r.before === null ? r.after : null;
    if (r.before !== null) store.set({object: r.before});
    choice();
  }

  // The chosen pair: in the table, in both pictures, and its edges.
  function choice() {
    const pair = chosen();
    all.forEach((r, i) => put(body.children[i], {'aria-selected': String(r === pair)}));
    stop(body.children[Math.max(all.indexOf(pair), 0)]);
    sides.forEach((s) => s.draw());
    for (const [k, plot] of plots.entries()) {
      put(plot.into.parentNode, {hidden: !pair});
      if (!pair) continue;
      const edge = store.state.trace.edges[k];
      plot.caption.textContent = pair.moved ? `${edge}: ${signed(pair.moved[k], ' px')}, interval `
        + `${number(pair.spreads[0][k])} → ${number(pair.spreads[1][k])} px` : edge;
      put(plot.into, {'aria-label': `Where the ${edge} edge may lie in either look. ${plot.caption.textContent}`});
      plot.draw();
    }
  }

  const looks = (pair) => {
    const [a, b] = [store.state.trace, second.trace];
    return [pair.before === null ? null : {history: a.history(pair.before), factor: [1, 1, 1, 1], kind: 'before'},
      pair.after === null ? null : {history: b.history(pair.after), factor: scale(a, b), kind: 'after'}]
      .filter((look) => look?.history); // edges of a large answer come in a second message
  };

  // The densities of one edge in both looks, over pixels of the first picture.
  function paint(into, width, k) {
    const pair = second && chosen();
    if (!pair) return;
    const curves = looks(pair).map(({history: h, factor, kind}) => {
      const place = (offset) => h.at(k, offset) * factor[k], p = h.calibrated[h.layers - 1][k];
      const points = [...density(p, h.w)].map((v, n) => [place(h.w[n]), v / Math.max(Math.abs(h.perSize[k] * factor[k]),
        1e-9)]);
      return {kind, points, reach: h.intervals[h.layers - 1][k].map((v) => v * factor[k]),
        mean: h.boxes[h.layers][k] * factor[k], colour: kind === 'after' ? h.colours.edges[k] : '#8a9099'};
    });
    if (!curves.length) return;
    const ends = curves.flatMap((c) => [...c.reach, c.mean]), low = Math.min(...ends), high = Math.max(...ends);
    const room = Math.max(0.4 * (high - low), 3), from = low - room, to = high + room;
    const x = (v) => ((v - from) / (to - from)) * width;
    const top = Math.max(...curves.flatMap((c) => c.points.map(([, v]) => v)));
    for (const c of curves) {
      const d = c.points.map(([at, v]) => `${x(at).toFixed(1)} ${(BOTTOM - (v / top) * (BOTTOM - 14)).toFixed(1)}`);
      const [start, end] = [c.points[0], c.points.at(-1)].map(([at]) => x(at).toFixed(1));
      const below = BOTTOM + (c.kind === 'after' ? 5 : 0) - 2;
      into.append(svg('path', {class: `curve ${c.kind}`, d: `M${start} ${BOTTOM}L${d.join('L')}L${end} ${BOTTOM}z`,
        fill: c.colour, stroke: c.colour}),
        svg('line', {class: 'reach', x1: x(c.reach[0]), x2: x(c.reach[1]), y1: below, y2: below, stroke: c.colour}),
        svg('circle', {cx: x(c.mean), cy: below, r: 4, fill: c.colour}));
    }
    for (const v of [low, high]) into.append(svg('text', {x: Math.min(Math.max(x(v), 16), width - 16), y: HEIGHT - 4,
      'text-anchor': v === low ? 'end' : 'start'}, number(Math.max(v, 0))));
  }

  /** One of the two pictures, with what is in sight of its look. */
  function side(title) {
    const image = html('img', {alt: ''}), frames = svg('g'), marks = svg('g'), caption = html('figcaption', {}, title);
    const stage = svg('svg', {'aria-hidden': 'true'}, frames, marks), whiskers = edgeMarks(marks), first = title === SIDES[0];
    const repaint = () => {
      const trace = first ? store.state.trace : second?.trace;
      frames.replaceChildren();
      put(marks, {display: 'none'});
      if (!trace || !second || !image.clientWidth || !image.naturalWidth) return;
      const mine = first ? 'before' : 'after', by = [image.clientWidth / trace.size[0], image.clientHeight / trace.size[1]];
      const pair = chosen(), on = (box) => box.map((v, k) => v * by[k % 2]);
      put(stage, {viewBox: `0 0 ${image.clientWidth} ${image.clientHeight}`});
      // What only the other look is sure of is drawn where it is chosen.
      const there = all.filter((r) => r[mine] !== null && (r === pair || seen(trace.detections[r[mine]]))), spots = new Map();
      for (const r of [...there].sort((r, s) => (s === pair) - (r === pair))) { // the chosen one's name finds room first
        const d = trace.detections[r[mine]], spot = free(on(d.box), 7.5 * d.name.length, [...spots.values()]);
        if (spot) spots.set(r, spot);
      }
      for (const r of there.sort((r, s) => (r === pair) - (s === pair))) {
        const d = trace.detections[r[mine]], alone = r[first ? 'after' : 'before'] === null;
        const kind = `${r === pair ? 'chosen' : ''} ${alone ? 'alone' : ''} ${seen(d) ? '' : 'below'}`;
        const group = svg('g', {class: kind, style: `--colour: ${d.colour}`}, ...['halo', 'frame'].map((name) =>
          rect(on(d.box), {class: name})));
        const [x, y] = spots.get(r) ?? [];
        if (y !== undefined) group.append(svg('text', {x, y}, d.name));
        group.addEventListener('click', () => pick(r));
        frames.append(group);
      }
      image.alt = `${title}: ${there.map((r) => trace.detections[r[mine]]).filter(seen).slice(0, 12).map((d) =>
        `${d.name} ${d.score.toFixed(2)}`).join(', ') || 'nothing found'}`;
      if (!pair || pair[mine] === null) return;
      const history = trace.history(pair[mine]);
      if (!history) return;
      const {box, reach} = history.moment(history.layers);
      for (const each of frames.lastChild.querySelectorAll('rect')) put(each, frame(on(box)));
      put(marks, {display: null});
      whiskers({history, state: {...store.state, layer: history.layers, bin: null, ribbons: false}, box, reach, scale: by,
        shift: [0, 0, 0, 0], size: trace.size});
    };
    image.addEventListener('load', repaint);
    new ResizeObserver(repaint).observe(image);
    return {element: html('figure', {}, caption, html('div', {class: 'stage'}, image, stage)), image, title: caption,
      draw: repaint};
  }

  // Where a name of some width goes: above its box, inside it at the top, at its foot, or under it, where there is room.
  function free([x1, y1, x2, y2], width, taken) {
    const right = Math.max(x2 - width - 3, x1 + 3), high = Math.max(y1 - 5, 12);
    const spots = [[x1 + 3, high], [x1 + 3, y1 + 15], [right, high], [right, y1 + 15], [x1 + 3, y2 - 5], [right, y2 - 5], [x1 + 3, y2 + 14]];
    return spots.find(([x, y]) => !taken.some(([u, v, w]) => x < u + w && u < x + width && Math.abs(v - y) < 13))?.concat(width);
  }

  watch('value', heard);
  return (state, changed) => {
    if (changed.has('second')) show();
    if (changed.has('object')) only = null;
    if (!state.trace) { // of no picture nothing is answered
      [asked, pending] = ['', false];
      clearTimeout(late);
    }
    if (state.tab !== key) return;
    ask();
    if (['trace', 'threshold', 'classes', 'second', 'tab'].some((name) => changed.has(name))) draw();
    else if (second && ['object', 'over'].some((name) => changed.has(name))) choice();
  };
}
