/**
 * What programs that read aloud are told where no sentence of the page says it. They are told once things have come to rest,
 * however many steps led there, and of several things the last.
 */
import {html} from './dom.js';

const REST = 300; // milliseconds
let region = null, late = 0;

/** Have a sentence read aloud, in the place of one that has not begun yet. @param {string} text */
export function speak(text) {
  region ??= document.body.appendChild(html('p', {id: 'spoken', class: 'unseen', role: 'status'}));
  clearTimeout(late);
  late = setTimeout(() => { region.textContent = text; }, REST);
}

/** A function that has something done once it has not been called for a while. @param {() => void} act */
export function resting(act) {
  let pending = 0;
  return () => {
    clearTimeout(pending);
    pending = setTimeout(act, REST);
  };
}
