// A strip of pictures with their boxes; each is a button that opens the picture on the page.
// Given by gr.HTML: element, trigger, props, watch. props.value is what Thumbnails.value() in thumbnails.py returns.
const strip = element.querySelector('.strip'), note = element.querySelector('.note');
const SVG = 'http://www.w3.org/2000/svg';

function thumbnail(one) {
  const frame = document.createElement('span');
  frame.className = 'frame';
  const image = Object.assign(new Image(), {src: one.picture.url, alt: ''});
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${one.size[0]} ${one.size[1]}`);
  for (const {box: [x1, y1, x2, y2], colour} of one.boxes) {
    const rect = document.createElementNS(SVG, 'rect');
    const place = {x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1)};
    for (const key in place) rect.setAttribute(key, place[key]);
    rect.setAttribute('stroke', colour);
    svg.append(rect);
  }
  frame.append(image, svg);
  return frame;
}

function shown(one, i) {
  const button = document.createElement('button');
  button.type = 'button';
  const words = (tag, text, name) => Object.assign(document.createElement(tag), {textContent: text, className: name});
  const told = one.trouble ? one.trouble : one.count;
  if (one.trouble) {
    button.disabled = true;
    button.append(words('span', 'cannot be read', 'frame broken'));
  } else button.append(thumbnail(one));
  button.append(words('span', one.name, 'name'), words('span', one.trouble ? 'not a picture' : one.count, 'count'));
  button.title = told;
  button.setAttribute('aria-label', `${one.name}: ${told}`);
  button.addEventListener('click', () => {
    mark(i);
    trigger('select', {index: i});
  });
  return button;
}

const mark = (chosen) => [...strip.children].forEach((button, i) =>
  i === chosen ? button.setAttribute('aria-current', 'true') : button.removeAttribute('aria-current'));

strip.addEventListener('keydown', (event) => {
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  const open = [...strip.children].filter((button) => !button.disabled);
  if (!step || !open.length) return;
  event.preventDefault();
  open[(open.indexOf(document.activeElement) + step + open.length) % open.length].focus();
});

function update() {
  const {pictures = [], note: said = '', chosen = null} = props.value || {};
  const focused = [...strip.children].indexOf(document.activeElement);
  element.classList.toggle('empty', !pictures.length && !said);
  note.textContent = said;
  strip.replaceChildren(...pictures.map(shown));
  mark(chosen);
  if (focused >= 0) strip.children[focused]?.focus();
}
watch('value', update);
update();
