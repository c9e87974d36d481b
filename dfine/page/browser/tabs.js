/** The row of tabs: one stop of the tab order, arrow keys go through it; one panel is shown. */
import {gently, html, put} from './dom.js';
import {explainServed} from './served.js';
import {speak} from './spoken.js';

const SUM = 'edge'; // the tab that other parts open at an edge

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function tabs({element, props}, page) {
  const {store} = page;
  const failed = html('p', {class: 'undrawn', role: 'alert', hidden: true}, 'The server could not draw this tab. ',
    html('button', {type: 'button', onclick: () => page.again()}, 'Try again'));
  const row = html('div', {role: 'tablist', 'aria-label': 'Views of the chosen object'});
  const buttons = props.value.map(([key, label]) => html('button', {
    type: 'button', role: 'tab', id: `tab-${key}`, 'data-key': key, 'aria-controls': `panel-${key}`,
    onclick: () => (store.state.tab === key ? page.again() : store.set({tab: key})),
  }, label));
  row.append(...buttons);
  row.addEventListener('keydown', (event) => {
    const last = buttons.length - 1, here = buttons.indexOf(document.activeElement);
    const to = {ArrowRight: here === last ? 0 : here + 1, ArrowLeft: here ? here - 1 : last, Home: 0,
      End: last}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    buttons[to].focus();
    store.set({tab: buttons[to].dataset.key});
  });
  element.replaceChildren(row, failed);

  const show = (state) => {
    for (const button of buttons) {
      const open = button.dataset.key === state.tab, panel = document.getElementById(`panel-${button.dataset.key}`);
      put(button, {'aria-selected': String(open), tabindex: open ? 0 : -1});
      if (panel) put(panel, {'data-open': open, role: 'tabpanel', 'aria-labelledby': button.id});
      if (open && row.scrollWidth > row.clientWidth) {
        const left = button.offsetLeft - row.offsetLeft, right = left + button.offsetWidth;
        if (left < row.scrollLeft || right > row.scrollLeft + row.clientWidth) row.scrollLeft = left - 40;
      }
    }
  };
  requestAnimationFrame(() => { // the panels come after the row
    show(store.state);
    explainServed();
  });
  // Whoever came here by a button of another part, or by a click into the picture, hears where that has led.
  function announce({tab, edge, trace}) {
    const button = buttons.find((each) => each.dataset.key === tab), panel = document.getElementById(`panel-${tab}`);
    if (!button || [row, panel].some((part) => part?.contains(document.activeElement))) return;
    speak(tab === SUM ? `${button.textContent}: ${trace.edges[edge]} edge` : button.textContent);
  }

  return (state, changed) => {
    const led = changed.has('tab') || (changed.has('edge') && state.tab === SUM);
    if (led && state.trace && !changed.has('trace') && !state.present) announce(state);
    put(failed, {hidden: !state.undrawn || state.undrawn !== state.tab});
    if (changed.has('tab') || changed.has('trace')) show(state);
    if (changed.has('point') && state.point) {
      // A place was asked about, and its answer may lie below the window.
      const {bottom} = document.getElementById(`panel-${state.tab}`).getBoundingClientRect();
      if (bottom > innerHeight - 120) element.scrollIntoView({behavior: gently(), block: 'start'});
    }
  };
}
