/** The table of objects: one stop of the tab order, arrow keys walk through the rows, Enter or a click chooses. */
import {html, put} from './dom.js';
import {inSight} from './state.js';

const HEADS = {number: '#', name: 'class', score: 'score'};

/**
 * Make the rows of a table one stop of the tab order: arrow keys walk through them, Enter or a space chooses.
 * @param {HTMLElement} body of the table
 * @param {(row: HTMLElement) => void} choose
 * @returns {(row: ?Element) => void} makes a row the stop
 */
export function walking(body, choose) {
  const rows = () => [...body.children], stop = (at) => rows().forEach((tr) => { tr.tabIndex = tr === at ? 0 : -1; });
  body.addEventListener('keydown', (event) => {
    const all = rows(), here = all.indexOf(event.target.closest('tr')), last = all.length - 1;
    const to = {ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: last}[event.key];
    if (event.key === 'Enter' || event.key === ' ') choose(all[here]);
    else if (to === undefined) return;
    else {
      const next = all[Math.min(Math.max(to, 0), last)];
      stop(next);
      next.focus();
    }
    event.preventDefault();
  });
  return stop;
}

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function table({element}, {store}) {
  let order = {key: 'number', up: true};
  const body = html('tbody'), nothing = html('p', {class: 'nothing'}, 'No object in sight.');
  const heads = Object.entries(HEADS).map(([key, text]) => html('th', {scope: 'col'},
    html('button', {type: 'button', 'data-key': key, onclick: () => sort(key)}, text)));
  const grid = html('table', {role: 'grid', 'aria-label': 'Objects: arrow keys walk, Enter chooses'},
    html('thead', {}, html('tr', {}, ...heads, html('th', {scope: 'col'}, 'corners in px'))), body);
  const around = html('div', {class: 'around'}, grid);
  element.replaceChildren(around, nothing);

  const stop = walking(body, (tr) => store.set({object: +tr.dataset.number}));

  function row(d) {
    const cell = (...content) => html('td', {}, ...content);
    return html('tr', {'data-number': d.number}, cell(String(d.number + 1)),
      cell(html('i', {style: `background:${d.colour}`}), d.name), cell(d.score.toFixed(2)),
      cell(d.box.map(Math.round).join(', ')));
  }

  function mark(number) {
    for (const tr of body.children) put(tr, {'aria-selected': String(+tr.dataset.number === number)});
    stop(body.querySelector('[aria-selected=true]') ?? body.firstElementChild);
  }

  // Scroll the table, and not the page, until the row can be seen.
  function reveal(tr) {
    if (!tr) return;
    const above = tr.offsetTop - body.offsetTop, below = tr.offsetTop + tr.offsetHeight - around.clientHeight;
    around.scrollTop = Math.min(Math.max(around.scrollTop, below), above);
  }

  function fill(state) {
    const focused = body.contains(document.activeElement) ? +document.activeElement.dataset.number : null;
    const {key, up} = order, compare = (a, b) => (a[key] > b[key]) - (a[key] < b[key]) || a.number - b.number;
    const seen = inSight(state).sort((a, b) => (up ? 1 : -1) * compare(a, b));
    body.replaceChildren(...seen.map(row));
    put(grid, {hidden: !seen.length});
    put(nothing, {hidden: Boolean(seen.length)});
    for (const head of heads) {
      const mine = head.firstElementChild.dataset.key === key;
      put(head, {'aria-sort': !mine ? 'none' : up ? 'ascending' : 'descending'});
    }
    if (focused !== null) body.querySelector(`[data-number="${focused}"]`)?.focus();
  }

  function sort(key) {
    order = {key, up: order.key === key ? !order.up : key !== 'score'}; // best scores first
    fill(store.state);
    mark(store.state.object);
  }

  body.addEventListener('click', (event) => {
    const tr = event.target.closest('tr');
    if (tr) store.set({object: +tr.dataset.number});
  });
  return (state, changed) => {
    const filled = ['trace', 'threshold', 'classes', 'top'].some((key) => changed.has(key));
    if (filled) fill(state);
    if (!filled && !changed.has('object')) return;
    mark(state.object);
    if (!body.contains(document.activeElement)) reveal(body.querySelector('[aria-selected=true]'));
  };
}
