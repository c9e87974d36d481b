/** What narrows the objects in sight: a threshold, classes, a number. */
import {html, put} from './dom.js';

const [LEAST, MOST] = [0.05, 0.95];

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function filters({element}, {store}) {
  const range = html('input', {type: 'range', min: LEAST, max: MOST, step: 0.01, 'aria-label': 'Score threshold',
    oninput: () => turn({threshold: +range.value}), onchange: () => { turning = false; }});
  const box = html('input', {type: 'number', min: LEAST, max: MOST, step: 0.05, 'aria-label': 'Score threshold, typed',
    oninput: () => box.value !== '' && turn({threshold: clamp(+box.value)}), onchange: () => typed(),
    onblur: () => { turning = false; }});
  const top = html('input', {type: 'number', min: 1, step: 1, placeholder: 'all', id: 'top', 'aria-label': 'At most',
    oninput: () => turn({top: top.value === '' ? null : Math.max(1, Math.trunc(+top.value) || 1)}),
    onchange: () => { top.value = store.state.top ?? ''; }, onblur: () => { turning = false; }});
  const classes = html('div', {id: 'classes', role: 'group', 'aria-label': 'Only these classes'});
  element.replaceChildren(
    html('div', {class: 'filter', id: 'threshold'}, html('span', {}, 'Score threshold'), range, box),
    html('div', {class: 'filter'}, classes, html('label', {class: 'top'}, 'at most ', top)));

  const clamp = (value) => Math.min(Math.max(Number.isFinite(value) ? value : 0.5, LEAST), MOST);
  const typed = () => { box.value = store.state.threshold.toFixed(2); };
  let offered = '', turning = false;

  // However far the slider is dragged, and however many digits are typed, Undo takes it back at once.
  function turn(changes) {
    store.set(changes, {remember: !turning});
    turning = true;
  }

  function chips({trace, threshold, classes: chosen}) {
    const lowest = Math.fround(threshold), counts = new Map(chosen.map((name) => [name, 0]));
    for (const d of trace?.detections ?? []) if (d.score >= lowest) counts.set(d.name, (counts.get(d.name) ?? 0) + 1);
    const now = JSON.stringify([[...counts], chosen]);
    if (now === offered) return;
    offered = now;
    const focused = document.activeElement?.closest?.('#classes button')?.dataset.name;
    classes.replaceChildren(...[...counts].map(([name, count]) => html('button', {
      type: 'button', 'aria-pressed': String(chosen.includes(name)), 'data-name': name,
      onclick: () => store.set({classes: chosen.includes(name) ? chosen.filter((c) => c !== name) : [...chosen, name]}),
    }, `${name} (${count})`)));
    put(classes, {hidden: !counts.size});
    if (focused) [...classes.children].find((button) => button.dataset.name === focused)?.focus();
  }

  return (state, changed) => {
    if (changed.has('threshold')) {
      range.value = state.threshold;
      if (document.activeElement !== box) typed();
    }
    if (changed.has('top') && document.activeElement !== top) top.value = state.top ?? '';
    if (['trace', 'threshold', 'classes'].some((key) => changed.has(key))) chips(state);
  };
}
