/** A strip of several pictures with their boxes; each is a button that opens the picture on the page. */
import {html, put, rect, svg} from './dom.js';
import {speak} from './spoken.js';

const counted = (number) => (number ? `${number} object${number === 1 ? '' : 's'}` : 'nothing');

/** @param {import('./main.js').Hub} hub its value is `Thumbnails.value` @param {import('./main.js').Page} page */
export function thumbnails({element, trigger, props, watch}, {store}) {
  const strip = element.querySelector('.strip'), note = element.querySelector('.note');

  function shown(one, i) {
    if (one.trouble) {
      return html('button', {type: 'button', disabled: true, title: one.trouble,
        'aria-label': `${one.name}: ${one.trouble}`},
        html('span', {class: 'frame broken'}, 'cannot be read'), html('span', {class: 'name'}, one.name),
        html('span', {class: 'count'}, 'not a picture'));
    }
    const seen = one.scores.filter((score) => score >= Math.fround(store.state.threshold)).length, count = counted(seen);
    const boxes = svg('svg', {viewBox: `0 0 ${one.size.join(' ')}`},
      ...one.boxes.slice(0, seen).map(({box, colour}) => rect(box, {stroke: colour})));
    return html('button', {type: 'button', title: count, 'aria-label': `${one.name}: ${count}`, onclick: () => {
      mark(i);
      trigger('select', {index: i});
    }}, html('span', {class: 'frame'}, html('img', {src: one.picture.url, alt: ''}), boxes),
    html('span', {class: 'name'}, one.name), html('span', {class: 'count'}, count));
  }

  const mark = (chosen) => [...strip.children].forEach((button, i) =>
    put(button, {'aria-current': i === chosen && 'true'}));

  strip.addEventListener('keydown', (event) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key], open = [...strip.children].filter((button) => !button.disabled);
    if (!step || !open.length) return;
    event.preventDefault();
    open[(open.indexOf(document.activeElement) + step + open.length) % open.length].focus();
  });

  function update() {
    const {pictures = [], note: said = '', chosen = null, looking = false} = props.value || {};
    const focused = [...strip.children].indexOf(document.activeElement);
    element.classList.toggle('empty', !pictures.length && !said);
    if (said && note.textContent !== said && !(looking && pictures.length)) speak(said); // not at every picture
    note.textContent = said;
    strip.replaceChildren(...pictures.map(shown));
    mark(chosen);
    if (focused >= 0) strip.children[focused]?.focus();
  }
  watch('value', update);
  return (_, changed) => changed.has('threshold') && update();
}
