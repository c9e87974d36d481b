// The tour: a card that walks through the parts of the page. Arrow keys step, Escape closes it. On a phone, where pictures
// are chosen at the end of the page, a button leads there. Another, seen while it has the focus, leads by keyboard past the
// pictures to choose from.
const steps = 'STEPS';
const begin = element.querySelector('.begin'), card = element.querySelector('#tour');
const [title, text, count] = ['h2', 'p', '.walk span'].map((part) => card.querySelector(part));
const [back, next, close] = ['.back', '.next', '.close'].map((part) => card.querySelector(part));
let at = 0, lit = null;

const bring = (part, block) =>
  part?.scrollIntoView({block, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth'});

function light(part) {
  lit?.classList.remove('toured');
  lit = part;
  lit?.classList.add('toured');
  bring(lit, 'center');
}

function show(step) {
  at = Math.min(Math.max(step, 0), steps.length - 1);
  const [selector, heading, words] = steps[at];
  title.textContent = heading;
  text.textContent = words;
  count.textContent = `${at + 1} of ${steps.length}`;
  back.disabled = at === 0;
  next.textContent = at === steps.length - 1 ? 'Done' : 'Next';
  light(document.querySelector(selector));
  if (!card.matches(':popover-open')) card.showPopover();
  next.focus({preventScroll: true});
}

function end() {
  card.hidePopover();
  light(null);
  begin.focus();
}

begin.addEventListener('click', () => show(0));
element.querySelector('.skip').addEventListener('click', () => document.querySelector('#scene svg').focus());
element.querySelector('.sources').addEventListener('click', () => {
  const sources = document.querySelector('#sources');
  sources.querySelector('button')?.focus({preventScroll: true});
  bring(sources, 'start');
});
back.addEventListener('click', () => show(at - 1));
next.addEventListener('click', () => (at === steps.length - 1 ? end() : show(at + 1)));
close.addEventListener('click', end);
card.addEventListener('keydown', (event) => {
  const act = {ArrowRight: () => show(at + 1), ArrowLeft: () => show(at - 1), Escape: end}[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
});
