/**
 * On a phone the columns stand in another order: picture, object, tabs, list, sources. They are moved in the document, and
 * not by styles only, so that Tab and screen readers go through them as they are seen, in every browser.
 */
import {gently} from './dom.js';

const PHONE = '(max-width: 760px)';
const MOVED = [['thumbnails', 'seen'], ['listed', 'views'], ['sources', 'below']]; // each goes after the other

/** Put the columns into the order of the window, now and whenever it becomes narrow or wide. */
export function arranging() {
  const narrow = matchMedia(PHONE), homes = new Map(); // where each stands in a wide window
  const arrange = () => {
    const parts = MOVED.map((names) => names.map((name) => document.getElementById(name)));
    if (parts.flat().includes(null)) return;
    for (const [part, before] of parts) {
      if (narrow.matches && !homes.has(part)) {
        const home = document.createComment('');
        part.before(home);
        homes.set(part, home);
        before.after(part);
      } else if (!narrow.matches && homes.has(part)) {
        homes.get(part).replaceWith(part);
        homes.delete(part);
      }
    }
  };
  narrow.addEventListener('change', arrange);
  arrange();
}

/** Whoever has chosen a picture on a phone stands below all that it shows: bring the picture into sight. */
export function returning() {
  const sources = document.getElementById('sources');
  if (!sources || !matchMedia(PHONE).matches || sources.getBoundingClientRect().top > innerHeight / 2) return;
  document.getElementById('scene')?.scrollIntoView({behavior: gently(), block: 'start'});
}
