// Tabs first, so that they work while the plotting library is still being unpacked.
for (const list of document.querySelectorAll('[data-tabs]')) {
  const panels = [...list.parentElement.querySelectorAll(':scope > [role=tabpanel]')];
  const tabs = panels.map((panel, i) => {
    const tab = document.createElement('button');
    tab.type = 'button';
    tab.role = 'tab';
    tab.id = panel.id + '-tab';
    tab.textContent = panel.dataset.name;
    tab.setAttribute('aria-controls', panel.id);
    panel.setAttribute('aria-labelledby', tab.id);
    tab.onclick = () => choose(i);
    list.append(tab);
    return tab;
  });
  const choose = (chosen) => tabs.forEach((tab, i) => {
    tab.setAttribute('aria-selected', i === chosen);
    tab.tabIndex = i === chosen ? 0 : -1;
    panels[i].hidden = i !== chosen;
    if (i === chosen) draw(panels[i]);
  });
  list.role = 'tablist';
  list.onkeydown = (event) => {
    const here = tabs.indexOf(document.activeElement), last = tabs.length - 1;
    const next = {ArrowRight: here === last ? 0 : here + 1, ArrowLeft: here ? here - 1 : last, Home: 0, End: last}[event.key];
    if (next === undefined) return;
    event.preventDefault();
    tabs[next].focus();
    choose(next);
  };
  choose(0);
}
document.body.classList.add('ready');

// A plot is drawn when its panel is seen for the first time: a hidden one has no width.
function draw(within) {
  if (!window.Plotly) return;
  for (const place of within.querySelectorAll('.plot')) {
    if (place.closest('[hidden]') || place.dataset.drawn) continue;
    place.dataset.drawn = 'yes';
    const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
    if (place.matches('.fit:not(.tall)')) {  // no taller than a narrow screen makes it wide
      figure.layout.height = Math.min(figure.layout.height, Math.round(place.clientWidth * 1.3));
      place.style.height = figure.layout.height + 'px';
    }
    delete figure.layout.meta;  // its words are in the place's name
    figure.config = {displayModeBar: false, responsive: true, scrollZoom: false, showTips: false};
    Plotly.newPlot(place, figure).then(() => reachable(place));
    let late = 0;  // plotly draws its buttons anew while layers play
    new MutationObserver(() => {
      clearTimeout(late);
      late = setTimeout(() => reachable(place), 100);
    }).observe(place, {childList: true, subtree: true});
  }
}

// Paper shows everything: the panels of all tabs are drawn for it, below their names, and no figure is wider than it.
const PAPER = 690;  // pixels, of A4 between its margins
let folded = [];
addEventListener('beforeprint', () => {
  folded = [...document.querySelectorAll('[role=tabpanel][hidden]')];
  for (const panel of folded) panel.hidden = false;
  draw(document);
  for (const place of document.querySelectorAll('.plot[data-drawn]'))
    Plotly.relayout(place, {width: Math.min(place.clientWidth, PAPER)});
});
addEventListener('afterprint', () => {
  for (const place of document.querySelectorAll('.plot[data-drawn]')) Plotly.relayout(place, {width: null, autosize: true});
  for (const panel of folded) panel.hidden = true;
});

(async () => {
  const text = atob(document.getElementById('plotly').textContent);
  const packed = new Uint8Array(text.length);  // Uint8Array.from with a function takes ten times as long
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = document.createElement('script');
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  draw(document);
})().catch((error) => {
  for (const place of document.querySelectorAll('.plot'))
    place.textContent = `This figure needs a browser of 2023 or later (${error.message}).`;
});
