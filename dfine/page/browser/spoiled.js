/**
 * The spoiled picture: the object's box before and now, where its edges may lie, and where it truly is, if that is
 * known. A patch that is dragged over it is covered by the server, which looks once more.
 */
import {frame, html, put, svg} from './dom.js';
import {edgeMarks} from './marks.js';
import {speak} from './spoken.js';

const LEAST = 6; // pixels of the screen: what is shorter is no patch
const WAIT = 15000; // milliseconds after which an answer that has not come is waited for no longer

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function spoiled({element, props, trigger, watch}, page) {
  const {store} = page;
  let of = ''; // the picture that is open
  let known = null; // how the server spoils the picture, as far as the browser has been told
  const image = html('img', {alt: '', draggable: 'false'}), marks = svg('g', {});
  const [truth, before, halo, now, patch] = ['truth', 'before', 'halo', 'now', 'patch'].map((name) =>
    svg('rect', {class: name}));
  const drawing = svg('svg', {'aria-hidden': 'true'}, before, halo, now, truth, marks, patch);
  const stage = html('div', {class: 'stage', hidden: true}, image, drawing);
  const legend = html('p', {class: 'caption', hidden: true});
  const nothing = html('p', {class: 'nothing'}, 'Nothing to show: no object is chosen.');
  element.replaceChildren(stage, legend, nothing);
  const whiskers = edgeMarks(marks);
  let from = null, late = 0;

  const size = () => store.state.trace?.size ?? [1, 1];
  const scale = () => [image.clientWidth / size()[0], image.clientHeight / size()[1]];

  function draw() {
    const told = props.value, {trace} = store.state;
    if (!told?.picture || !trace || !image.clientWidth) return;
    const by = scale(), on = (box) => box.map((v, k) => v * by[k % 2]);
    put(drawing, {viewBox: `0 0 ${image.clientWidth} ${image.clientHeight}`});
    for (const [node, box] of [[truth, told.truth], [before, told.before], [halo, told.now], [now, told.now]])
      put(node, box ? {...frame(on(box)), display: null} : {display: 'none'});
    put(marks, {display: told.now ? null : 'none'});
    if (told.now) whiskers({history: {colours: trace.colours}, state: {over: null, bin: null, ribbons: false}, box: told.now,
      reach: told.reach, scale: by, shift: [0, 0, 0, 0], size: size()});
  }

  function heard() {
    const told = props.value, there = Boolean(told?.picture);
    clearTimeout(late);
    put(stage, {hidden: !there, class: 'stage'});
    put(legend, {hidden: !there});
    put(nothing, {hidden: there});
    put(patch, {display: 'none'});
    if (!there) return;
    if (!follow()) {
      known = told.settings;
      store.set({spoil: known});
    }
    if (image.alt !== told.alt && element.offsetParent) speak(told.alt);
    image.alt = told.alt;
    legend.textContent = `White: the box before. Violet: the box now${told.now ? ', with its 80 % intervals' : '; it is not found'}.`
      + `${told.truth ? ' Black, dashed: where the object truly is.' : ''} Drag a patch over the picture.`;
    if (image.getAttribute('src') !== told.picture) image.src = told.picture; // `load` draws
    else draw();
  }

  // A link, Back and Undo set how the picture is spoiled, and the server follows. Whether it has to.
  function follow() {
    const {spoil} = store.state;
    if (JSON.stringify(spoil) === JSON.stringify(known)) return false;
    known = spoil;
    put(stage, {class: 'stage waiting'});
    trigger('patch', {settings: spoil ?? {}});
    return true;
  }

  // Dragging: the patch is seen at once, and covered when the visitor lets go.
  const place = (event) => {
    const {left, top, width, height} = drawing.getBoundingClientRect();
    return [Math.min(Math.max(event.clientX - left, 0), width), Math.min(Math.max(event.clientY - top, 0), height)];
  };
  drawing.addEventListener('pointerdown', (event) => {
    if (event.button || !event.isPrimary) return;
    from = place(event);
    drawing.setPointerCapture(event.pointerId);
    event.preventDefault(); // no text is selected on the way
  });
  drawing.addEventListener('pointermove', (event) => {
    if (from) put(patch, {...frame([...from, ...place(event)]), display: null});
  });
  drawing.addEventListener('pointercancel', () => {
    from = null;
    put(patch, {display: 'none'});
  });
  drawing.addEventListener('pointerup', (event) => {
    if (!from) return;
    const [x, y] = from, [u, v] = place(event), by = scale();
    from = null;
    if (Math.abs(u - x) < LEAST || Math.abs(v - y) < LEAST) return put(patch, {display: 'none'});
    put(stage, {class: 'stage waiting'});
    clearTimeout(late);
    late = setTimeout(() => put(stage, {class: 'stage'}), WAIT);
    trigger('patch', {box: [x / by[0], y / by[1], u / by[0], v / by[1]]});
  });
  image.addEventListener('load', draw);
  new ResizeObserver(draw).observe(image);
  watch('value', heard);
  heard();
  return (state, changed) => {
    if (changed.has('trace') && !state.trace) put(stage, {hidden: true});
    const now = page.told.picture?.url;
    if (of !== now && known?.patch) known = {...known, patch: null}; // a patch belongs to its picture, here as there
    of = now;
    if (changed.has('spoil') && state.trace && props.value?.picture) follow();
  };
}
