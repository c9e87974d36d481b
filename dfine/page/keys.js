// Plotly's buttons and sliders are drawings. This script gives them a place in the tab order, a role, a name, and keys
// that become the clicks which they understand. It also names every figure by its layout's `meta.alt`.
() => {
  const marked = (node) => node.dataset.keys || !(node.dataset.keys = 'yes');
  const pressed = (node, type, options) =>
    node.dispatchEvent(new MouseEvent(type, {bubbles: true, cancelable: true, view: window, ...options}));

  function button(node, plot) {
    const said = node.textContent.trim();
    node.setAttribute('aria-label', {'▶': 'Play', '❚❚': 'Pause'}[said] ?? said);
    if (marked(node)) return;
    node.setAttribute('role', 'button');
    node.setAttribute('tabindex', '0');
    node.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      const place = [...plot.querySelectorAll('.updatemenu-button')].indexOf(node);
      pressed(node, 'click');
      plot.querySelectorAll('.updatemenu-button')[place]?.focus();  // plotly may have drawn it anew
    });
  }

  // The words of a step, without the coloured square before them.
  const words = (slider, i) => {
    const said = (slider.steps[i].label ?? '').replace(/<[^>]*>|■/g, '').trim();
    return /^\d+$/.test(said) ? `layer ${said}` : said;
  };

  function state(node, plot) {
    const slider = plot.layout?.sliders?.[0];
    if (!slider) return;
    node.setAttribute('aria-valuemax', slider.steps.length - 1);
    node.setAttribute('aria-valuenow', slider.active ?? 0);
    node.setAttribute('aria-valuetext', words(slider, slider.active ?? 0));
  }

  function slider(node, plot) {
    state(node, plot);
    if (marked(node)) return;
    node.setAttribute('role', 'slider');
    node.setAttribute('tabindex', '0');
    node.setAttribute('aria-label', 'Step through the layers');
    node.setAttribute('aria-valuemin', '0');
    node.addEventListener('keydown', (event) => {
      const {active = 0, steps} = plot.layout.sliders[0], last = steps.length - 1;
      const to = {ArrowRight: active + 1, ArrowUp: active + 1, ArrowLeft: active - 1, ArrowDown: active - 1, Home: 0,
        End: last}[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const label = node.querySelectorAll('.slider-label')[Math.min(Math.max(to, 0), last)].getBoundingClientRect();
      const rail = node.querySelector('.slider-rail-touch-rect');
      pressed(rail, 'mousedown', {clientX: label.left + label.width / 2, clientY: rail.getBoundingClientRect().top});
      pressed(plot, 'mouseup');
      plot.querySelector('.slider-group')?.focus();
      state(node, plot);
    });
  }

  function name(plot) {
    for (const node of plot.querySelectorAll('.updatemenu-button')) button(node, plot);
    for (const node of plot.querySelectorAll('.slider-group')) slider(node, plot);
    const handled = plot.querySelector('.updatemenu-button, .slider-group');
    plot.setAttribute('role', handled ? 'group' : 'img');  // nothing inside an `img` can be reached
    if (plot.layout?.meta?.alt) plot.setAttribute('aria-label', plot.layout.meta.alt);
  }

  // Gradio 6.31 opens its list of choices on every key but Escape, even on the Tab that leaves it.
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Tab' || !event.target.matches?.('input[role=combobox]')) return;
    for (const list of document.querySelectorAll('ul[role=listbox]')) list.tabIndex = -1;  // no stop on the way
    event.stopImmediatePropagation();
  }, true);

  // A pause breaks off the promise of what plotly was playing; plotly rejects it without a reason, and nobody listens.
  window.addEventListener('unhandledrejection', (event) => event.reason === undefined && event.preventDefault());

  // Pictures may be dropped or pasted anywhere: they reach the inputs that a click would have filled.
  const isPicture = (file) => file.type.startsWith('image/') || !file.type;  // HEIC has no type in some browsers
  const given = (input, files) => {
    const transfer = new DataTransfer();
    files.forEach((file) => transfer.items.add(file));
    input.files = transfer.files;
    input.dispatchEvent(new Event('change', {bubbles: true}));
  };
  const uploaded = (files) => {
    const pictures = [...(files ?? [])].filter(isPicture);
    const several = pictures.length > 1;
    const input = pictures.length && document.querySelector(
      several ? 'input[type=file][multiple]' : '#source input[type=file]');
    if (input) given(input, pictures);
    return Boolean(input);
  };
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  document.addEventListener('dragover', (event) => carries(event) && event.preventDefault());
  const foreign = (files) => files.length > 0 && !files.some(isPicture);
  // Gradio's input would light up for what it does not take, and stay so. Where no types are told yet, it does.
  for (const type of ['dragenter', 'dragover'])
    document.addEventListener(type, (event) => {
      if (!foreign([...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === 'file'))) return;
      event.preventDefault();
      event.stopPropagation();
    }, true);
  // What is no picture is named; the inputs would pass over it in silence. The tab Video takes what is dropped on it.
  document.addEventListener('drop', (event) => {
    const files = [...(event.dataTransfer?.files ?? [])], video = files.find((file) => file.type.startsWith('video/'));
    if (!foreign(files)) return;
    event.preventDefault();
    event.stopPropagation();
    const input = video && event.target.closest?.('#panel-video')?.querySelector('input[type=file]');
    if (input) return given(input, [video]);
    const {name} = video ?? files[0], said = document.querySelector('#status [role=status]');
    if (said) said.textContent = video
      ? `${name} is a video: the tab Video takes it.` : `${name} is no picture: drop a photograph or a drawing.`;
  }, true);
  document.addEventListener('drop', (event) => {
    if (event.defaultPrevented || !carries(event)) return;  // an input that it was dropped on has taken it
    event.preventDefault();
    uploaded(event.dataTransfer.files);
  });
  document.addEventListener('paste', (event) => {
    if (event.target.closest?.('#source') || !event.clipboardData?.files.length) return;
    if (uploaded(event.clipboardData.files)) event.preventDefault();
  });

  // A file that is not a picture gets a sentence; hide the browser's icon for a broken picture.
  for (const [type, value] of [['error', 'hidden'], ['load', '']])
    document.addEventListener(type, ({target}) => {
      if (target.matches?.('#source img')) target.style.visibility = value;
    }, true);

  // Gradio counts places in its queue; who waits wants to know how many are before them.
  function queued(node) {
    const text = [...node.childNodes].find((part) => /queue: \d+\//.test(part.nodeValue ?? ''));
    if (!text) return;
    const before = Number(text.nodeValue.match(/queue: (\d+)/)[1]) - 1;
    text.nodeValue = text.nodeValue.replace(/queue: \d+\/\d*/, before ? `${before} before you` : 'you are next');
  }

  // Not with every frame: while a slider is dragged every frame changes something, and looking through the page takes time.
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      document.querySelectorAll('.js-plotly-plot').forEach(name);
      document.querySelectorAll('#source img:not([alt]), #source img[alt=""]').forEach((img) =>
        img.setAttribute('alt', 'The picture as it was chosen'));
      document.querySelectorAll('#scene .progress-text').forEach(queued);
      // Gradio 6.31 announces "common.complete" there after every call; `#status` says what was found.
      document.querySelectorAll('.sr-only[role=status]').forEach((region) => {
        region.removeAttribute('role');
        region.setAttribute('aria-live', 'off');
      });
    }, 100);
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
}
