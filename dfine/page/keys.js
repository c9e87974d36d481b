// What Gradio's components lack: plots whose buttons and sliders are reached by keyboard (plots.js of `dfine/figures/pages` stands
// in the place of 'PLOTS'), pictures that are dropped or pasted anywhere, and names and roles.
() => {
  'PLOTS';

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

  // Gradio's folded parts do not say whether they are open.
  const unfolded = () => document.querySelectorAll('button.label-wrap').forEach((button) => {
    button.setAttribute('aria-expanded', button.classList.contains('open'));
    button.querySelector('.icon')?.setAttribute('aria-hidden', 'true');
  });
  document.addEventListener('click', (event) => event.target.closest?.('button.label-wrap') && setTimeout(unfolded, 50));

  // Not with every frame: while a slider is dragged every frame changes something, and looking through the page takes time.
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      document.querySelectorAll('.js-plotly-plot').forEach(reachable);
      unfolded();
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
