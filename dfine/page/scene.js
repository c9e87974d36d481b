// The picture with its boxes: whatever the pointer or the arrow keys are on is highlighted; a click or Enter chooses.
// Given by gr.HTML: element, trigger, props, watch. props.value is what scene.value() in scene.py returns.
const stage = element.querySelector('.stage'), image = stage.querySelector('img'), svg = stage.querySelector('svg');
const [frames, labels, options] = ['frames', 'labels', 'options'].map((name) => svg.querySelector('.' + name));
const tip = stage.querySelector('.tip'), nothing = element.querySelector('.nothing');
const SMALL = 80 * 80;  // square pixels of the screen
const LABEL = 13, PAD = 4;  // pixels of the screen: labels keep their size, whatever the picture's
const ruler = document.createElement('canvas').getContext('2d');
let current = null, chosen = null, scale = 1;  // places among value.objects

const objects = () => props.value?.objects ?? [];
const make = (name, attributes, text) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  return node;
};
const sorted = ([a, b, c, d]) => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
const placed = (object) => sorted(object.box).map((v) => v * scale);
const rect = ([x1, y1, x2, y2], more) =>
  make('rect', {x: x1, y: y1, width: Math.max(x2 - x1, 1), height: Math.max(y2 - y1, 1), ...more});
const area = (object) => { const [x1, y1, x2, y2] = placed(object); return (x2 - x1) * (y2 - y1); };
const told = (object) => `${object.label}, box ${object.box.map(Math.round).join(', ')} px`;

function draw() {
  if (!image.naturalWidth || !image.clientWidth) return;
  scale = image.clientWidth / props.value.size[0];
  const all = objects(), order = all.map((_, i) => i);
  const first = (a, b) => (b === chosen) - (a === chosen) || (b === current) - (a === current) || a - b;
  order.sort(first);
  ruler.font = `600 ${LABEL}px ${getComputedStyle(svg).fontFamily}`;
  // A label hides nothing of a small object that is chosen: its own place counts as taken.
  const taken = chosen === null || area(all[chosen]) > SMALL ? [] : [placed(all[chosen])], drawn = [], written = [];
  for (const i of order) {
    const object = all[i], box = placed(object);
    const state = i === chosen ? 'chosen' : i === current ? 'current' : chosen === null ? '' : 'faint';
    const group = make('g', {class: state, style: `--colour: ${object.colour}`});
    for (const kind of ['shade', 'halo', 'frame']) group.append(rect(box, {class: kind}));
    drawn.push(group);
    const width = ruler.measureText(object.label).width + 2 * PAD, spot = plate(box, width, taken);
    if (!spot && i !== chosen && i !== current) continue;  // no room: the pointer and the table show it
    const [x, y] = spot ?? [box[0], Math.max(0, box[1] - LABEL - 2 * PAD)];
    taken.push([x, y, x + width, y + LABEL + 2 * PAD]);
    const label = make('g', {class: state, style: `--colour: ${object.colour}; --ink: ${object.ink}`});
    label.append(rect(taken.at(-1), {rx: 4}),
      make('text', {x: x + PAD, y: y + PAD + LABEL * 0.84}, object.label));
    written.push(label);
  }
  frames.replaceChildren(...drawn.reverse());  // the chosen one last, then the best: they lie on top
  labels.replaceChildren(...written.reverse());
  options.replaceChildren(...all.map((object, i) => {
    const option = make('g', {role: 'option', id: `object-${object.number}`, 'aria-label': told(object),
      'aria-selected': i === chosen});
    option.append(rect(placed(object), {class: 'place'}));
    return option;
  }));
  if (current === null || !all.length) svg.removeAttribute('aria-activedescendant');
  else svg.setAttribute('aria-activedescendant', `object-${all[current].number}`);
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
  objects().forEach((object, i) => {
    const [x1, y1, x2, y2] = placed(object), area = (x2 - x1) * (y2 - y1);
    if (x1 <= x && x <= x2 && y1 <= y && y <= y2 && area < least) [best, least] = [i, area];
  });
  return best;
}

function point(event) {
  const place = svg.getBoundingClientRect();
  return [event.clientX - place.left, event.clientY - place.top];
}

function show(i, x, y) {
  if (i !== current) { current = i; draw(); }
  svg.classList.toggle('over', i !== null);
  tip.hidden = i === null;
  if (i === null) return;
  const object = objects()[i], [x1, y1, x2, y2] = placed(object);
  const numbers = object.box.map((v) => v.toFixed(0)).join(', ');
  tip.replaceChildren(Object.assign(document.createElement('b'), {textContent: object.label}), ` box ${numbers} px`);
  const left = (x ?? (x1 + x2) / 2) + 14, top = (y ?? y2) + 14;
  tip.style.left = Math.max(0, Math.min(left, image.clientWidth - tip.offsetWidth)) + 'px';
  tip.style.top = (top + tip.offsetHeight > image.clientHeight ? Math.max(0, top - tip.offsetHeight - 28) : top) + 'px';
}

// The object that lies next to another in a direction, as the eye would go; null where there is none.
function neighbour(i, [dx, dy]) {
  const middle = (object) => { const [x1, y1, x2, y2] = placed(object); return [(x1 + x2) / 2, (y1 + y2) / 2]; };
  const all = objects(), [x, y] = middle(all[i]);
  let best = null, least = Infinity;
  all.forEach((object, j) => {
    const [u, v] = middle(object), along = (u - x) * dx + (v - y) * dy, aside = Math.abs((u - x) * dy - (v - y) * dx);
    if (j === i || along <= 0 || aside > 2 * along) return;
    if (along + 2 * aside < least) [best, least] = [j, along + 2 * aside];
  });
  return best;
}

function choose(i) {
  chosen = current = i;
  draw();  // at once; the server's answer says the same
  trigger('select', {number: objects()[i].number, point: null});
}

svg.addEventListener('pointermove', (event) => {
  if (event.pointerType === 'touch') return;
  const [x, y] = point(event);
  show(at(x, y), x, y);
});
svg.addEventListener('pointerleave', () => show(null));
svg.addEventListener('click', (event) => {
  const [x, y] = point(event), hit = at(x, y);
  if (hit !== null) choose(hit);
  else if (props.value) trigger('select', {number: null, point: [x / scale, y / scale]});
});
svg.addEventListener('focus', () => svg.matches(':focus-visible') && objects().length && show(chosen ?? 0));
svg.addEventListener('blur', () => show(null));
svg.addEventListener('keydown', (event) => {
  const last = objects().length - 1, here = current ?? chosen ?? 0, {key} = event;
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
new ResizeObserver(() => props.value?.picture && draw()).observe(image);

function update() {
  const value = props.value?.picture ? props.value : null;
  stage.hidden = !value;
  nothing.hidden = !!value;
  tip.hidden = true;
  current = null;
  if (!value) {
    image.removeAttribute('src');
    for (const layer of [frames, labels, options]) layer.replaceChildren();
    return;
  }
  const place = value.objects.findIndex((object) => object.number === value.chosen);
  chosen = place < 0 ? null : place;
  svg.setAttribute('aria-label', value.objects.length
    ? 'Objects in the picture: arrow keys go to the neighbour, Page Down to the next best, Enter chooses' : 'No object in the picture');
  image.alt = value.alt;
  if (image.getAttribute('src') !== value.picture.url) image.src = value.picture.url;  // `load` draws
  else if (image.complete) draw();
  if (document.activeElement === svg && svg.matches(':focus-visible') && chosen !== null) show(chosen);
}
watch('value', update);
update();
