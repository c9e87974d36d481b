/** ⓘ in the tabs that the server draws, whenever it has drawn them. */
import {explainWithin} from './info.js';

const WORDS = {Stride: /\bstride( \d+)?\b/, Query: /\bquery( \d+)?\b/i, LQE: /\bLQE\b/, IoU: /\bIoU\b/};
const PLACES = '#about-sampling, #why';

/** Look after the places that are there by now. */
export function explainServed() {
  for (const place of document.querySelectorAll(PLACES)) {
    const explain = () => explainWithin(place, WORDS);
    new MutationObserver(explain).observe(place, {childList: true, subtree: true, characterData: true});
    explain();
  }
}
