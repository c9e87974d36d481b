/**
 * Notices in a corner speak of what was done before, so they go when the visitor goes on.
 */
const ON = ['click', 'drop', 'paste', 'change'];

/** Close the notices that are there with whatever the visitor does next, anywhere but on one. */
export function dismissing() {
  for (const kind of ON) addEventListener(kind, (event) => {
    if (!event.isTrusted || event.target.closest?.('.toast-wrap')) return;
    for (const close of document.querySelectorAll('[data-testid=toast-close]')) close.click();
  }, true);
}
