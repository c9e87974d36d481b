/** Buttons: take the last decision back, copy a link to what is shown, show it on a projector. */
import {html, switchOff} from './dom.js';
import {present} from './present.js';

const OWN = 'Your own picture is in no link; it stays in this window. Whoever opens a link sees an example.';

/** @param {import('./main.js').Page} page */
export function actions(page) {
  const undo = html('button', {type: 'button', title: 'Take the last step back (Ctrl Z)',
    onclick: () => page.store.undo()},
    'Undo');
  const said = html('span', {class: 'said', role: 'status'});
  const copy = html('button', {type: 'button', title: 'Copy a link to what you see', onclick: async () => {
    if (!page.told.example) {
      said.textContent = OWN;
      return;
    }
    try {
      await navigator.clipboard.writeText(location.href);
      said.textContent = 'Copied.';
    } catch {
      said.textContent = 'The browser does not allow copying. The link is in the address bar.';
    }
  }}, 'Copy link');
  const show = html('button', {type: 'button', title: 'The picture and one edge in large type, for a projector',
    onclick: () => page.store.set({present: true})}, 'Present');
  const screen = present(page);
  return {
    element: html('span', {class: 'actions'}, undo, copy, show, said, screen.element),
    draw: (state, changed) => {
      screen.draw(state, changed);
      show.disabled = state.object === null;
      switchOff(undo, !page.store.canUndo);
      copy.disabled = !state.trace;
      if (said.textContent && state.trace !== page.copied) said.textContent = '';
      page.copied = state.trace;
    },
  };
}
