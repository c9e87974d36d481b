/**
 * The whole picture with its boxes: whatever the pointer or the arrow keys are on is set off; a click or Enter chooses;
 * a click beside every box asks why nothing was found there. The chosen object's box is that of the shown layer.
 */
import {frame, html, put, rect, svg} from './dom.js';
import {inSight, read} from './state.js';
import {edgeMarks} from './marks.js';

const SMALL = 80 * 80; // square pixels of the screen
const LABEL = 13, PAD = 4; // pixels of the screen: labels keep their size, whatever the picture's
const EMPTY = 'Your picture and what is found in it appear here.';
const KEYS = 'arrow keys go to the neighbour, Page Down to the next best, Enter chooses';

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function picture({element}, page) {
  const {store} = page, ruler = document.createElement('canvas').getContext('2d');
  const image = html('img', {alt: '', draggable: 'false'}), nothing = html('p', {class: 'nothing'}, EMPTY);
  const [frames, labels, marks, options] = ['frames', 'labels', 'marks', 'options'].map((name) =>
    svg('g', name === 'options' ? {class: name, role: 'presentation'} : {class: name, 'aria-hidden': 'true'}));
  const canvas = svg('svg', {tabindex: 0, role: 'listbox'}, frames, marks, labels, options);
  const tip = html('div', {class: 'tip', 'aria-hidden': 'true', hidden: true});
  const stage = html('div', {class: 'stage', hidden: true}, image, canvas, tip);
  element.replaceChildren(stage, nothing);
  const edges = edgeMarks(marks);
  let current = null, scale = 1, seen = [], boxes = new Map(); // current: a place in `seen`

  const label = (d) => `${d.name} ${d.score.toFixed(2)}`;
  const placed = (d) => boxes.get(d.number);
  const area = ([x1, y1, x2, y2]) => Math.abs((x2 - x1) * (y2 - y1));
  const place = () => seen.findIndex((d) => d.number === store.state.object);

  function draw() {
    const {state} = store;
    seen = inSight(state);
    if (!state.trace || !image.naturalWidth || !image.clientWidth) return;
    scale = image.clientWidth / state.trace.size[0];
    boxes = new Map(seen.map((d) => {
      const [a, b, c, e] = d.box.map((v) => v * scale);
      return [d.number, [Math.min(a, c), Math.min(b, e), Math.max(a, c), Math.max(b, e)]];
    }));
    const chosen = place(), order = seen.map((_, i) => i);
    order.sort((a, b) => (b === chosen) - (a === chosen) || (b === current) - (a === current) || a - b);
    ruler.font = `600 ${LABEL}px ${getComputedStyle(canvas).fontFamily}`;
    // A label hides nothing of a small object that is chosen: its own place counts as taken.
    const own = chosen < 0 ? null : placed(seen[chosen]), taken = !own || area(own) > SMALL ? [] : [own];
    const drawn = [], written = [];
    for (const i of order) {
      const d = seen[i], box = placed(d);
      const mood = i === chosen ? 'chosen' : i === current ? 'current' : chosen < 0 ? '' : 'faint';
      drawn.push(svg('g', {class: mood, style: `--colour: ${d.colour}`},
        ...['shade', 'halo', 'frame'].map((kind) => rect(box, {class: kind}))));
      const width = ruler.measureText(label(d)).width + 2 * PAD, spot = plate(box, width, taken);
      if (!spot && i !== chosen && i !== current) continue; // no room: the pointer and the table show it
      const [x, y] = spot ?? [box[0], Math.max(0, box[1] - LABEL - 2 * PAD)];
      taken.push([x, y, x + width, y + LABEL + 2 * PAD]);
      written.push(svg('g', {class: mood, style: `--colour: ${d.colour}; --ink: ${d.ink}`}, rect(taken.at(-1), {rx: 4}),
        svg('text', {x: x + PAD, y: y + PAD + LABEL * 0.84}, label(d))));
    }
    frames.replaceChildren(...drawn.reverse()); // the chosen one last, then the best: they lie on top
    labels.replaceChildren(...written.reverse());
    options.replaceChildren(...seen.map((d, i) => svg('g', {
      role: 'option', id: `object-${d.number}`, 'aria-selected': String(i === chosen),
      'aria-label': `${label(d)}, box ${d.box.map(Math.round).join(', ')} px`,
    }, rect(placed(d)))));
    put(canvas, {'aria-activedescendant': current === null || !seen[current] ? null
      : `object-${seen[current].number}`});
    put(canvas, {'aria-label': seen.length ? `Objects in the picture: ${KEYS}` : 'No object in the picture'});
    const things = seen.slice(0, 12).map(label).join(', ');
    image.alt = `The picture with ${seen.length} framed object${seen.length === 1 ? '' : 's'}: ${things || 'none'}`;
    move();
  }

  // The chosen object's box and edges at the shown layer.
  function move() {
    const {state} = store, history = read(state), group = frames.querySelector('.chosen');
    put(marks, {display: history && group ? null : 'none'});
    if (!history || !group) return;
    const {box, reach} = history.moment(state.layer);
    for (const each of group.children) put(each, frame(box.map((v) => v * scale)));
    edges({history, state, box, reach, scale: [scale, scale], shift: [0, 0, 0, 0], size: state.trace.size});
  }

  // Where a label goes: above the box, in its upper corner, to its right, below it, ... the first place that is free.
  function plate([x1, y1, x2, y2], w, taken) {
    const h = LABEL + 2 * PAD, W = image.clientWidth, H = image.clientHeight;
    for (let [x, y] of [[x1, y1 - h], [x1, y1], [x2 - w, y1 - h], [x1, y2], [x1, y2 - h], [x2 - w, y2], [x1, y1 + h]]) {
      x = Math.min(Math.max(x, 0), Math.max(0, W - w));
      y = Math.min(Math.max(y, 0), Math.max(0, H - h));
      if (!taken.some((t) => x < t[2] && t[0] < x + w && y < t[3] && t[1] < y + h)) return [x, y];
    }
  }

  // The smallest box around a point, because it is the hardest to hit.
  function at(x, y) {
    let best = null, least = Infinity;
    seen.forEach((d, i) => {
      const [x1, y1, x2, y2] = placed(d), size = area(placed(d));
      if (x1 <= x && x <= x2 && y1 <= y && y <= y2 && size < least) [best, least] = [i, size];
    });
    return best;
  }

  function point(event) {
    const where = canvas.getBoundingClientRect();
    return [event.clientX - where.left, event.clientY - where.top];
  }

  function show(i, x, y) {
    if (i !== current) { current = i; draw(); }
    canvas.classList.toggle('over', i !== null);
    put(tip, {hidden: i === null});
    if (i === null) return;
    const d = seen[i], [x1, , x2, y2] = placed(d), numbers = d.box.map((v) => v.toFixed(0)).join(', ');
    tip.replaceChildren(html('b', {}, label(d)), ` box ${numbers} px`);
    const left = (x ?? (x1 + x2) / 2) + 14, top = (y ?? y2) + 14;
    tip.style.left = `${Math.max(0, Math.min(left, image.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${top + tip.offsetHeight > image.clientHeight ? Math.max(0, top - tip.offsetHeight - 28) : top}px`;
  }

  // The object that lies next to another in a direction, as the eye would go; null where there is none.
  function neighbour(i, [dx, dy]) {
    const middle = (d) => { const [x1, y1, x2, y2] = placed(d); return [(x1 + x2) / 2, (y1 + y2) / 2]; };
    const [x, y] = middle(seen[i]);
    let best = null, least = Infinity;
    seen.forEach((d, j) => {
      const [u, v] = middle(d), along = (u - x) * dx + (v - y) * dy, aside = Math.abs((u - x) * dy - (v - y) * dx);
      if (j === i || along <= 0 || aside > 2 * along) return;
      if (along + 2 * aside < least) [best, least] = [j, along + 2 * aside];
    });
    return best;
  }

  function choose(i) {
    current = i;
    const {tab} = store.state;
    store.set({object: seen[i].number, ...(tab === page.asks ? {tab: page.keys[0]} : {})});
  }

  canvas.addEventListener('pointermove', (event) => {
    if (event.pointerType === 'touch') return;
    const [x, y] = point(event);
    show(at(x, y), x, y);
  });
  canvas.addEventListener('pointerleave', () => show(null));
  canvas.addEventListener('click', (event) => {
    const [x, y] = point(event), hit = at(x, y);
    if (hit !== null) choose(hit);
    else if (store.state.trace) page.ask([x / scale, y / scale]);
  });
  canvas.addEventListener('focus', () => {
    if (canvas.matches(':focus-visible') && seen.length) show(Math.max(place(), 0));
  });
  canvas.addEventListener('blur', () => show(null));
  canvas.addEventListener('keydown', (event) => {
    const last = seen.length - 1, here = current ?? Math.max(place(), 0), {key} = event;
    if (last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = {ArrowRight: [1, 0], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowUp: [0, -1]};
    const steps = {Home: 0, End: last, PageDown: (here + 1) % (last + 1), PageUp: (here + last) % (last + 1)};
    if (key in arrows) show(current === null ? here : neighbour(here, arrows[key]) ?? here);
    else if (key in steps) show(steps[key]);
    else if (key === 'Enter' || key === ' ') choose(here);
    else if (key === 'Escape') show(null);
    else return;
    event.preventDefault();
  });
  image.addEventListener('load', draw);
  new ResizeObserver(draw).observe(image);

  return (state, changed) => {
    if (changed.has('trace')) {
      put(stage, {hidden: !state.trace});
      put(nothing, {hidden: Boolean(state.trace)});
      put(tip, {hidden: true});
      current = null;
      if (!state.trace) {
        image.removeAttribute('src');
        for (const layer of [frames, labels, options]) layer.replaceChildren();
        return;
      }
      const {url} = page.told.picture;
      if (image.getAttribute('src') !== url) image.src = url; // `load` draws
      else if (image.complete) draw();
      return;
    }
    if (!state.trace) return;
    if (['threshold', 'classes', 'top'].some((key) => changed.has(key))) {
      current = null;
      put(tip, {hidden: true});
      draw();
    } else if (changed.has('object')) draw();
    else if (['layer', 'bin', 'over', 'edge', 'lab', 'hand', 'tab', 'ribbons'].some((key) => changed.has(key))) move();
  };
}
