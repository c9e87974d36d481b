// Plotly's buttons and sliders are drawings. `reachable(plot)` gives them a place in the tab order, a role, a name, and keys that
// become the clicks which they understand; it also names the figure by its layout's `meta.alt`. It is called again whenever
// plotly may have drawn them anew. The page on which objects are explored and the pages that stand alone share it.
function reachable(plot) {
  const marked = (node) => node.dataset.keys || !(node.dataset.keys = 'yes');
  const pressed = (node, type, options) =>
    node.dispatchEvent(new MouseEvent(type, {bubbles: true, cancelable: true, view: window, ...options}));

  function button(node) {
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

  function state(node) {
    const slider = plot.layout?.sliders?.[0];
    if (!slider) return;
    node.setAttribute('aria-valuemax', slider.steps.length - 1);
    node.setAttribute('aria-valuenow', slider.active ?? 0);
    node.setAttribute('aria-valuetext', words(slider, slider.active ?? 0));
  }

  function slider(node) {
    state(node);
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
      state(node);
    });
  }

  for (const node of plot.querySelectorAll('.updatemenu-button')) button(node);
  for (const node of plot.querySelectorAll('.slider-group')) slider(node);
  const handled = plot.querySelector('.updatemenu-button, .slider-group');
  plot.setAttribute('role', handled ? 'group' : 'img');  // nothing inside an `img` can be reached
  if (plot.layout?.meta?.alt) plot.setAttribute('aria-label', plot.layout.meta.alt);
}
