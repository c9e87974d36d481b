/**
 * A sheet to draw on: every stroke, once it is finished, makes the sheet the page's picture. What was found is drawn over
 * it, with the edges of the chosen object. Strokes that come faster than answers are sent together.
 */
import {frame, html, put, rect, svg, switchOff} from './dom.js';
import {edgeMarks} from './marks.js';
import {inSight, read} from './state.js';
import {Strokes, outline} from './strokes.js';
import {sureness} from './words.js';

const SIDE = 640, QUALITY = 0.92; // pixels of an empty sheet; of the JPEG that is sent
const COLOURS = {black: '#18181b', red: '#e11d2a', orange: '#f59e0b', green: '#16a34a', blue: '#2563eb', violet: '#9333ea',
  white: '#ffffff'};
const WIDTH = 10; // of the pen at first, in pixels

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function sketch({element, name: key, props, trigger}, page) {
  const {store} = page, strokes = new Strokes(), file = `sketch-${Math.random().toString(36).slice(2, 8)}.jpg`;
  let base = null, pointer = null, sending = false, stale = false, sent = false;
  const sheet = html('canvas', {width: SIDE, height: SIDE, role: 'img', tabindex: 0,
    'aria-label': 'A sheet to draw on, with mouse, pen or finger'});
  const ink = sheet.getContext('2d'), frames = svg('g'), marks = svg('g'), whiskers = edgeMarks(marks);
  const over = svg('svg', {'aria-hidden': 'true'}, frames, marks), said = html('p', {class: 'outcome', role: 'status'});
  const pens = html('div', {role: 'radiogroup', class: 'pens', 'aria-label': 'Colour'}, ...Object.entries(COLOURS).map(
    ([name, colour]) => html('label', {title: name, style: `--colour: ${colour}`}, html('input', {type: 'radio',
      name: 'pen', value: colour, 'aria-label': name}))));
  pens.querySelector('input').checked = true;
  const width = html('input', {type: 'range', min: 2, max: 60, value: WIDTH, 'aria-label': 'Width of the pen'});
  const button = (text, onclick) => html('button', {type: 'button', onclick: (event) =>
    event.currentTarget.ariaDisabled !== 'true' && onclick()}, text);
  const undo = button('Undo stroke', () => back(() => strokes.undo())), clear = button('Clear', () => back(() => strokes.clear()));
  const onto = button('Draw on the open picture', () => start(page.told.picture.url));
  const empty = button('Empty sheet', () => start(null));
  const known = html('p', {class: 'caption'}, `The model demo knows these things, and finds them in sketches too: ${(props.value ?? []).join(', ')}. `
    + 'A closed outline is enough; the larger, the better.');
  element.replaceChildren(html('div', {class: 'tools'}, pens, html('label', {class: 'width'}, 'Width', width), undo, clear, onto,
    empty), html('div', {class: 'desk'}, html('div', {class: 'stage'}, sheet, over), html('div', {}, said, known)));

  function paper() {
    ink.fillStyle = '#fff';
    ink.fillRect(0, 0, sheet.width, sheet.height);
    if (base) ink.drawImage(base, 0, 0, sheet.width, sheet.height);
    strokes.all.forEach(draw);
    switchOff(undo, !strokes.canUndo);
    switchOff(clear, !strokes.all.length);
    switchOff(empty, !base);
  }

  function draw({points, colour, width}) {
    Object.assign(ink, {strokeStyle: colour, lineWidth: width, lineCap: 'round', lineJoin: 'round'});
    ink.stroke(new Path2D(outline(points)));
  }

  function back(step) {
    step();
    paper();
    send();
  }

  // A new sheet: an empty one, or the picture at an address.
  async function start(url) {
    let picture = null;
    if (url) {
      picture = new Image();
      picture.src = url;
      try {
        await picture.decode();
      } catch {
        tell('The open picture cannot be loaded any more. Open it again.');
        return;
      }
    }
    strokes.clear();
    [base, strokes._past] = [picture, []];
    [sheet.width, sheet.height] = picture ? [picture.naturalWidth, picture.naturalHeight] : [SIDE, SIDE];
    paper();
    if (url) tell('Draw on the picture.');
    else send();
  }

  // One upload at a time, and the newest sheet after it.
  async function send() {
    stale = true;
    if (sending) return;
    sending = true;
    while (stale) {
      stale = false;
      tell('Looking …');
      try {
        const blob = await new Promise((done) => sheet.toBlob(done, 'image/jpeg', QUALITY)), form = new FormData();
        form.append('files', blob, file);
        const answer = await fetch(new URL('gradio_api/upload', document.baseURI), {method: 'POST', body: form});
        const told = await answer.json();
        if (!answer.ok) throw new Error(told.error ?? 'The sketch could not be sent.');
        if (stale) continue; // a newer one supersedes it
        sent = true;
        trigger('picture', {path: told[0], drawn: !base});
      } catch (error) {
        tell(error instanceof TypeError ? 'The server cannot be reached.' : `That did not work: ${error.message}`);
      }
    }
    sending = false;
  }

  const mine = () => sent && page.told.name === file && Boolean(store.state.trace);

  function tell(words) {
    const {state} = store, seen = inSight(state), history = mine() && read(state);
    const idle = strokes.all.length ? 'The sheet is not the open picture now. Draw on, and it is looked at.'
      : base ? 'Draw on the picture.' : 'The sheet is empty.';
    const text = words ?? (!mine() ? idle : !seen.length
      ? 'Nothing is found yet with a score above the threshold.'
      : `${seen.slice(0, 4).map((d) => `${d.name} ${d.score.toFixed(2)}`).join(', ')}, in ${page.told.seconds.toFixed(2)} s. `
        + (history ? sureness(history) : ''));
    if (said.textContent !== text) said.textContent = text;
  }

  // What was found, over the sheet.
  function find() {
    const {state} = store, history = mine() ? read(state) : null, [w, h] = [over.clientWidth, over.clientHeight];
    frames.replaceChildren();
    put(marks, {display: history ? null : 'none'});
    if (!mine() || !w) return;
    put(over, {viewBox: `0 0 ${w} ${h}`});
    const scale = [w / state.trace.size[0], h / state.trace.size[1]], on = (box) => box.map((v, k) => v * scale[k % 2]);
    for (const d of inSight(state)) {
      const now = d.number === state.object, box = on(now && history ? history.moment(state.layer).box : d.box);
      frames.append(svg('g', {style: `--colour: ${d.colour}; --ink: ${d.ink}`, class: now ? 'chosen' : ''}, rect(box, {class: 'halo'}),
        rect(box, {class: 'frame'}), svg('text', {x: frame(box).x + 3, y: Math.max(frame(box).y - 5, 13)},
          `${d.name} ${d.score.toFixed(2)}`)));
    }
    if (!history) return;
    const {box, reach} = history.moment(state.layer);
    whiskers({history, state, box, reach, scale, shift: [0, 0, 0, 0], size: state.trace.size});
  }

  const place = (event) => {
    const where = sheet.getBoundingClientRect();
    return [((event.clientX - where.left) * sheet.width) / where.width, ((event.clientY - where.top) * sheet.height) / where.height];
  };
  sheet.addEventListener('pointerdown', (event) => {
    if (pointer !== null || event.button) return;
    pointer = event.pointerId;
    sheet.setPointerCapture(pointer);
    strokes.begin(place(event), {colour: pens.querySelector(':checked').value, width: +width.value});
    draw(strokes.now);
  });
  sheet.addEventListener('pointermove', (event) => {
    if (event.pointerId !== pointer) return;
    const points = event.getCoalescedEvents?.() ?? [];
    for (const each of points.length ? points : [event]) strokes.extend(place(each));
    draw({...strokes.now, points: strokes.now.points.slice(-4)});
  });
  const lifted = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    if (!strokes.end()) return;
    paper();
    send();
  };
  for (const type of ['pointerup', 'pointercancel']) sheet.addEventListener(type, lifted);
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey || !strokes.canUndo) return;
    event.preventDefault();
    event.stopPropagation(); // it is the stroke that is taken back, not the page's last step
    undo.click();
  });
  new ResizeObserver(find).observe(over);
  paper();
  tell();

  return (state, changed) => {
    if (changed.has('trace')) switchOff(onto, !state.trace || mine());
    if (state.tab !== key) return;
    if (['trace', 'object', 'threshold', 'classes', 'top', 'tab'].some((name) => changed.has(name)) && !stale) tell();
    find();
  };
}
