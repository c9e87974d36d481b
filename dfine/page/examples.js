// The examples: each is a button with a thumbnail and a label; arrow keys walk through them.
// Given by gr.HTML: element, trigger, props, watch. props.value is what examples.value() in examples.py returns.
const strip = element.querySelector('.strip');

function button({index, picture, label, caption}) {
  const node = Object.assign(document.createElement('button'), {type: 'button', title: caption});
  const name = Object.assign(document.createElement('span'), {className: 'name', textContent: label});
  node.append(Object.assign(new Image(), {src: picture.url, alt: '', draggable: false}), name);
  node.setAttribute('aria-label', `Example: ${label}`);
  node.addEventListener('click', () => trigger('select', {index}));
  return node;
}

strip.addEventListener('keydown', (event) => {
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key], all = [...strip.children];
  if (!step) return;
  event.preventDefault();
  all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
});

function update() {
  const examples = Array.isArray(props.value) ? props.value : [];
  element.classList.toggle('empty', !examples.length);
  strip.replaceChildren(...examples.map(button));
}
watch('value', update);
update();
