// The table of objects: one stop of the tab order, arrow keys walk through the rows, Enter or a click chooses.
// Given by gr.HTML: element, trigger, props, watch. props.value is what objects.value() in objects.py returns.
const around = element.querySelector('.around'), table = around.querySelector('table'), body = table.querySelector('tbody');
const nothing = element.querySelector('.nothing'), heads = [...table.querySelectorAll('th button')];
let order = {key: 'number', up: true};

function cell(text, colour) {
  const td = document.createElement('td');
  if (colour) {
    const mark = document.createElement('i');
    mark.style.background = colour;
    td.append(mark);
  }
  td.append(text);
  return td;
}

function row(object) {
  const tr = document.createElement('tr');
  tr.dataset.number = object.number;
  tr.append(cell(object.number + 1), cell(object.name, object.colour), cell(object.score.toFixed(2)),
    cell(object.box.join(', ')));
  return tr;
}

const rows = () => [...body.children];

// Where the focus would come to: the chosen row, else the first.
function stop(at) {
  for (const tr of rows()) tr.tabIndex = tr === at ? 0 : -1;
}

function mark(number) {
  for (const tr of rows()) tr.setAttribute('aria-selected', +tr.dataset.number === number);
  stop(body.querySelector('[aria-selected=true]') ?? body.firstElementChild);
}

function choose(tr) {
  mark(+tr.dataset.number);  // at once; the server's answer says the same
  trigger('select', {number: +tr.dataset.number});
}

// Scroll the table, and not the page, until the row can be seen.
function reveal(tr) {
  if (!tr) return;
  const above = tr.offsetTop - body.offsetTop, below = tr.offsetTop + tr.offsetHeight - around.clientHeight;
  around.scrollTop = Math.min(Math.max(around.scrollTop, below), above);
}

function update() {
  const {rows: objects = [], chosen = null} = props.value || {};
  const focused = body.contains(document.activeElement) ? +document.activeElement.dataset.number : null;
  const {key, up} = order, compare = (a, b) => (a[key] > b[key]) - (a[key] < b[key]) || a.number - b.number;
  body.replaceChildren(...[...objects].sort((a, b) => (up ? 1 : -1) * compare(a, b)).map(row));
  table.hidden = !objects.length;
  nothing.hidden = !!objects.length;
  for (const head of heads) {
    const sort = head.dataset.key !== key ? 'none' : up ? 'ascending' : 'descending';
    head.parentElement.setAttribute('aria-sort', sort);
  }
  mark(chosen);
  if (focused !== null) body.querySelector(`[data-number="${focused}"]`)?.focus();
  else reveal(body.querySelector('[aria-selected=true]'));
}

for (const head of heads)
  head.addEventListener('click', () => {
    const {key} = head.dataset;
    order = {key, up: order.key === key ? !order.up : key !== 'score'};  // best scores first
    update();
  });
body.addEventListener('click', (event) => {
  const tr = event.target.closest('tr');
  if (tr) choose(tr);
});
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
watch('value', update);
update();
