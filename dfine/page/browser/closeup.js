/**
 * The chosen object close up: the initial box, every layer's, and the shown layer's edges; a slider steps through the
 * layers, and Play runs through them, mixing the logits in between as the network adds to them (paper eq. 3).
 */
import {frame, html, isStill, put, svg} from './dom.js';
import {edgeMarks} from './marks.js';
import {number} from './format.js';
import {speak} from './spoken.js';
import {read} from './state.js';
import {named, stageName} from './words.js';

const PACE = 420, REST = 750; // milliseconds from stage to stage, and at every stage
const TENFOLD = 10;
const INITIAL = '#9AA0A8';
const LEGEND = 'Dashed: the initial box. Coloured: the box after each layer. ';
const DENSITY = 'Shades: how probable each place of an edge is, per pixel.';
const WHISKER = 'Whiskers: where each edge lies with 80 % probability.';

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function closeup({element}, page) {
  const {store} = page;
  const image = html('img', {alt: '', draggable: 'false'}), outlines = svg('g', {class: 'outlines'});
  const box = svg('g', {class: 'box'}, svg('rect', {class: 'halo'}), svg('rect', {class: 'frame'}));
  const marks = svg('g', {class: 'marks'}), hits = svg('g', {class: 'hits'});
  const canvas = svg('svg', {role: 'img'}, outlines, box, marks, hits), edges = edgeMarks(marks);
  const lengths = html('div', {class: 'lengths'}), nothing = html('p', {class: 'nothing'},
    'Nothing to show: no object is chosen.');
  const view = html('div', {class: 'view'}, image, canvas, lengths, nothing), head = html('p', {class: 'head'});
  const play = html('button', {type: 'button', class: 'play', 'aria-label': 'Play', 
    onclick: () => (timer ? pause() : start())}, '▶');
  const slider = html('input', {type: 'range', min: 0, step: 0.01, 'aria-label': 'Step through the layers',
    oninput: () => {
    pause();
    const near = Math.round(+slider.value);
    store.set({layer: Math.abs(+slider.value - near) < 0.08 ? near : +slider.value});
  }});
  const stops = html('div', {class: 'stops'});
  const ribbons = html('input', {type: 'checkbox', onchange: () => store.set({ribbons: ribbons.checked})});
  const ten = html('input', {type: 'checkbox', onchange: () => store.set({magnified: ten.checked})});
  const legend = html('p', {class: 'legend'});
  element.replaceChildren(head, view, html('div', {class: 'player'}, play, html('div', {class: 'track'}, slider,
    stops)),
    html('div', {class: 'switches'}, html('label', {}, ribbons, ' edges as densities'), html('label', {}, ten,
      ' movements ×10')),
    legend);
  const sizes = new Map(); // of labels by their text
  let timer = 0, began = 0, reached = null, region = null, room = {w: 400, h: 400};

  slider.addEventListener('keydown', (event) => {
    const {layer, trace} = store.state, last = trace?.layers ?? 0;
    const to = {ArrowRight: Math.floor(layer) + 1, ArrowUp: Math.floor(layer) + 1, ArrowLeft: Math.ceil(layer) - 1,
      ArrowDown: Math.ceil(layer) - 1, Home: 0, End: last}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    pause();
    store.set({layer: to});
  });

  // Playing

  function start() {
    [began, reached] = [0, null];
    put(play, {'aria-label': 'Pause'});
    play.textContent = '❚❚';
    timer = requestAnimationFrame(step);
  }

  function pause() {
    cancelAnimationFrame(timer);
    timer = 0;
    put(play, {'aria-label': 'Play'});
    play.textContent = '▶';
  }

  function step(now) {
    began ||= now;
    const layers = store.state.trace?.layers ?? 0, whole = REST + PACE, gone = now - began - REST;
    const stage = Math.floor(gone / whole), share = isStill() ? 1 : Math.min(1, (gone - stage * whole) / PACE);
    const place = gone < 0 ? 0 : stage + 0.5 - 0.5 * Math.cos(Math.PI * share);
    store.set({layer: Math.min(place, layers)});
    const {layer} = store.state, history = read(store.state);
    if (history && Number.isInteger(layer) && layer !== reached) speak(`${named(layer)}: ${figures(history, layer)}`);
    if (Number.isInteger(layer)) reached = layer;
    if (place >= layers) pause();
    else timer = requestAnimationFrame(step);
  }

  // Drawing

  // The part of the picture that holds all boxes and the last intervals with a margin, in the shape of the window.
  function seen(history, magnified) {
    const last = history.boxes[history.layers], stages = history.boxes.map((b) => b.map((v, k) => tenfold(v, last[k],
      magnified)));
    const reach = history.intervals[history.layers - 1], low = [Infinity, Infinity], high = [-Infinity, -Infinity];
    const hold = (v, axis) => { low[axis] = Math.min(low[axis], v); high[axis] = Math.max(high[axis], v); };
    for (const stage of stages) stage.forEach((v, k) => hold(v, k % 2));
    reach.forEach((ends, k) => ends.forEach((v) => hold(v, k % 2)));
    const extent = [0, 1].map((axis) => Math.max(high[axis] - low[axis], 4) * 1.3);
    const aspect = room.w / room.h;
    [extent[0], extent[1]] = [Math.max(extent[0], extent[1] * aspect), Math.max(extent[1], extent[0] / aspect)];
    const origin = [0, 1].map((axis) => {
      const start = Math.min(0, low[axis]), end = Math.max(history.size[axis], high[axis]);
      const begin = (low[axis] + high[axis] - extent[axis]) / 2;
      return extent[axis] >= end - start ? (start + end - extent[axis]) / 2 : Math.min(Math.max(begin, start),
        end - extent[axis]);
    });
    return {origin, scale: room.w / extent[0]};
  }

  const tenfold = (v, last, magnified) => (magnified ? last + TENFOLD * (v - last) : v);

  function draw(state, history) {
    const {magnified} = state, {origin, scale} = region, last = history.boxes[history.layers];
    const on = (b) => b.map((v, k) => (v - origin[k % 2]) * scale);
    const {box: true_, reach} = history.moment(state.layer), stage = Math.ceil(state.layer - 1e-9);
    const shown = true_.map((v, k) => tenfold(v, last[k], magnified)), shift = shown.map((v, k) => v - true_[k]);
    const colour = stage ? history.colours.layers[stage - 1] : INITIAL;
    const place = frame(on(shown)), dash = stage ? null : '6 5';
    put(box.firstChild, {...place, 'stroke-dasharray': dash});
    put(box.lastChild, {...place, 'stroke-dasharray': dash, stroke: colour});
    edges({history, state, box: shown, reach, scale: [scale, scale], shift, size: history.size, origin});
    [...hits.children].forEach((hit, k) => {
      const [x1, y1, x2, y2] = on(shown), axis = k % 2, place = [x1, y1, x2, y2][k];
      put(hit, axis ? {x1, x2, y1: place, y2: place} : {x1: place, x2: place, y1, y2});
    });
    [...lengths.children].forEach((button, k) => {
      put(button, {hidden: !reach, class: k === state.over && 'over'});
      if (!reach) return;
      const [x1, y1, x2, y2] = on(shown), inside = k % 2 ? Math.abs(y2 - y1) > 90 : Math.abs(x2 - x1) > 210;
      const [low, high] = reach[k].map((v) => (v + shift[k] - origin[k % 2]) * scale), first = (k < 2) === inside;
      const along = first ? high + 6 : low - 6, {w, h} = room;
      const limit = (v, room) => Math.min(Math.max(v, 2), room - 2);
      const text = `${number(reach[k][1] - reach[k][0])} px`;
      if (button.textContent !== text) {
        button.textContent = text;
        put(button, {'aria-label': `${history.edges[k]} edge, 80 % within ${text}: see its sum`});
      }
      const [bw, bh] = extent(button, text);
      const x = k % 2 ? (x1 + x2 - bw) / 2 : first ? along : along - bw;
      const y = k % 2 ? first ? along : along - bh : (y1 + y2 - bh) / 2;
      button.style.transform = `translate(${limit(x, w - bw)}px, ${limit(y, h - bh)}px)`;
    });
    tell(state, history, stage, colour);
  }

  const figures = (history, stage) => `score ${history.scores[stage].toFixed(2)}, IoU with final ${history.ious[stage].toFixed(2)}`;

  // The size of a label with its text; asking the browser for it anew would make it lay the page out in every frame.
  function extent(button, text) {
    const digits = text.replace(/\d/g, '0'); // digits are equally wide
    if (!sizes.has(digits)) sizes.set(digits, [button.offsetWidth, button.offsetHeight]);
    return sizes.get(digits);
  }

  function tell(state, history, stage, colour) {
    const whole = Math.abs(state.layer - Math.round(state.layer)) < 1e-9;
    const now = whole ? figures(history, stage) : `${named(stage - 1)} → ${named(stage)}`;
    const said = `${colour} ${now}`;
    if (head.dataset.said !== said) {
      head.dataset.said = said;
      head.replaceChildren(html('i', {style: `background:${colour}`}), html('b', {}, named(stage)), ` ${now}`);
    }
    if (+slider.value !== state.layer) slider.value = state.layer;
    put(slider, {'aria-valuetext': whole ? `${named(stage)}: ${now}` : `on the way to ${named(stage)}`});
    [...stops.children].forEach((stop, i) => put(stop, {'aria-pressed': String(i === stage)}));
  }

  function prepare(history, state) {
    put(nothing, {hidden: Boolean(history)});
    for (const part of [canvas, lengths]) put(part, {hidden: !history, display: null});
    canvas.style.display = image.style.display = history ? '' : 'none';
    head.style.visibility = history ? '' : 'hidden';
    slider.disabled = play.disabled = !history;
    if (!history) return;
    room = {w: view.clientWidth || 400, h: view.clientHeight || 400};
    region = seen(history, state.magnified);
    const {origin, scale} = region;
    if (image.getAttribute('src') !== page.told.picture.url) image.src = page.told.picture.url;
    Object.assign(image.style, {
      width: `${history.size[0] * scale}px`, height: `${history.size[1] * scale}px`,
      transform: `translate(${-origin[0] * scale}px, ${-origin[1] * scale}px)`,
    });
    put(slider, {max: history.layers});
    outlines.replaceChildren(...history.boxes.flatMap((_, i) => {
      const line = {fill: 'none', 'stroke-dasharray': i ? null : '6 5'};
      return [svg('rect', {...line, stroke: 'rgb(0 0 0 / 45%)', 'stroke-width': i ? 3 : 4}), svg('rect', {
        ...line, stroke: i ? history.colours.layers[i - 1] : '#F2F3F5', 'stroke-width': i ? 1.5 : 2.5}, svg('title'))];
    }));
    outline(history, state);
    hits.replaceChildren(...history.edges.map((name, k) => {
      const hit = svg('line', {class: k % 2 ? 'across' : 'along'}, svg('title', {},
        `${name} edge: click to see its sum`));
      hit.addEventListener('pointerenter', () => store.set({over: k}));
      hit.addEventListener('pointerleave', () => store.set({over: null}));
      hit.addEventListener('click', () => store.set({edge: k, tab: 'edge'}));
      return hit;
    }));
    lengths.replaceChildren(...history.edges.map((_, k) => html('button', {type: 'button',
      style: `--colour:${history.colours.edges[k]}`,
        onclick: () => store.set({edge: k, tab: 'edge'}),
      onpointerenter: () => store.set({over: k}), onpointerleave: () => store.set({over: null})})));
    stops.replaceChildren(...history.boxes.map((_, i) => html('button', {type: 'button', tabindex: -1,
      'aria-label': named(i),
      style: `--colour:${i ? history.colours.layers[i - 1] : INITIAL}`,
        onclick: () => { pause(); store.set({layer: i}); }},
    i ? String(i) : stageName(i))));
    put(canvas, {'aria-label': `${history.title}: its boxes and edges, layer by layer`});
  }

  // Every stage's box, as a thin line.
  function outline(history, state) {
    const {origin, scale} = region, last = history.boxes[history.layers];
    history.boxes.forEach((b, i) => {
      const place = frame(b.map((v, k) => (tenfold(v, last[k], state.magnified) - origin[k % 2]) * scale));
      for (const rect of [outlines.children[2 * i], outlines.children[2 * i + 1]]) put(rect, place);
      outlines.children[2 * i + 1].firstChild.textContent = `${named(i)}: ${b.map((v) => v.toFixed(1)).join(', ')} px`;
    });
  }

  new ResizeObserver(() => {
    sizes.clear();
    const history = read(store.state);
    prepare(history, store.state);
    if (history) draw(store.state, history);
  }).observe(view);

  return (state, changed) => {
    const history = read(state);
    if (changed.has('trace')) pause();
    if (changed.has('ribbons') || changed.has('trace')) {
      ribbons.checked = state.ribbons;
      legend.textContent = LEGEND + (state.ribbons ? DENSITY : WHISKER);
    }
    if (changed.has('magnified')) ten.checked = state.magnified;
    if (['trace', 'object', 'magnified'].some((key) => changed.has(key))) prepare(history, state);
    else if (history && ['lab', 'hand', 'tab'].some((key) => changed.has(key))) outline(history, state);
    if (history) draw(state, history);
  };
}
