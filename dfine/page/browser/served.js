/** What the server has drawn, whenever it has: ⓘ beside its words, and what is read aloud of it. */
import {explainWithin} from './info.js';
import {resting, speak} from './spoken.js';

const WORDS = {Stride: /\bstride( \d+)?\b/, Query: /\bquery( \d+)?\b/i, LQE: /\bLQE\b/, IoU: /\bIoU\b/};
const PLACES = '#about-sampling, #why';
const PATIENCE = 1000; // milliseconds of waiting after which one is told of it

/** Look after the places that are there by now. */
export function explainServed() {
  for (const place of document.querySelectorAll(PLACES)) {
    const explain = () => explainWithin(place, WORDS);
    new MutationObserver(explain).observe(place, {childList: true, subtree: true, characterData: true});
    explain();
  }
  hear(document.getElementById('why'), (why) => [...why.querySelectorAll('h3, p')].slice(0, 2)
    .map((part) => part.textContent).join('. '));
  hear(document.getElementById('panel-files'), (files) => files.querySelector('button:not(:disabled)') && 'The files are ready.');
  hear(document.getElementById('panel-spoil'), (spoil) => spoil.querySelector('.js-plotly-plot')?.ariaLabel);
  wait(document.getElementById('scene'));
}

// Read aloud what is said of a part that the server draws, whenever that changes.
function hear(place, told) {
  if (!place) return;
  let last = '';
  const changed = resting(() => {
    const now = (place.offsetParent && told(place)) || '';
    if (now && now !== last) speak(now);
    last = now;
  });
  new MutationObserver(changed).observe(place, {childList: true, subtree: true, characterData: true, attributeFilter: ['disabled']});
}

// Gradio's signs that one has to wait are over the picture, and silent.
function wait(scene) {
  if (!scene) return;
  let late = 0;
  new MutationObserver(() => {
    const waiting = Boolean(scene.querySelector('.progress-text'));
    if (waiting && !late) late = setTimeout(() => speak('Looking at the picture …'), PATIENCE);
    if (waiting || !late) return;
    clearTimeout(late);
    late = 0;
  }).observe(scene, {childList: true, subtree: true});
}
