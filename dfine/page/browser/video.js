/**
 * A short video: what will be looked at is said first, then how far it is, then the video with what was found, and how
 * unsure each edge of one track was over time.
 */
import {chart, html, letters, put, svg, swatch, switchOff} from './dom.js';
import {number} from './format.js';
import {speak} from './spoken.js';
import {at, extent, lines} from './tracks.js';

const HEIGHT = 240, MARGIN = {left: 46, right: 26, top: 12, bottom: 34}; // pixels

/** @param {import('./main.js').Hub} hub @param {import('./main.js').Page} page */
export function video({element, props, trigger, watch}, {store}) {
  let result = null, track = null, quarter = 0;
  const said = html('p', {class: 'outcome', role: 'status'}, 'No video yet.');
  const model = html('select', {id: 'video-model'}), bar = html('progress', {max: 1, value: 0, hidden: true});
  const start = html('button', {type: 'button', onclick: begin}, 'Look at it');
  const stop = html('button', {type: 'button', hidden: true, onclick: () => {
    stop.disabled = true;
    trigger('stop', {});
  }}, 'Stop');
  const tools = html('div', {class: 'settings', hidden: true}, html('label', {}, 'Model', model), start);
  const film = html('video', {controls: true, playsinline: true, preload: 'metadata'});
  const which = html('select', {id: 'video-track', onchange: () => choose(+which.value)}), caption = html('p', {class: 'caption'});
  const drawing = chart(HEIGHT, paint, {role: 'img'}), legend = html('p', {class: 'legend'});
  const all = html('div', {class: 'result', hidden: true}, html('div', {}, film), html('div', {}, html('div', {class: 'settings'},
    html('label', {}, 'Track', which)), legend, drawing.into, caption));
  element.replaceChildren(tools, html('div', {class: 'progress'}, bar, stop), said, all);

  const say = (text, live = null) => {
    put(said, {'aria-live': live});
    if (said.textContent !== text) said.textContent = text;
  };
  const busy = (on) => {
    put(bar, {hidden: !on});
    put(stop, {hidden: true}); // until it has begun
    switchOff(start, on);
  };

  function begin() {
    if (start.ariaDisabled === 'true') return;
    busy(true);
    quarter = 0;
    stop.disabled = false;
    put(all, {hidden: true});
    film.pause();
    bar.removeAttribute('value');
    say('Waiting for the network …');
    trigger('start', {model: model.value, threshold: store.state.threshold});
  }

  function heard() {
    const value = props.value;
    if (!value) return;
    if (value.plan) planned(value);
    else if (value.of) {
      put(bar, {value: value.done / value.of, hidden: false});
      switchOff(start, true);
      put(stop, {hidden: false});
      say(`Frame ${value.done} of ${value.of}`, 'off'); // not every frame is read aloud
      const now = Math.floor((4 * value.done) / value.of);
      if (now > quarter) speak(`${['', 'A quarter', 'Half', 'Three quarters', 'All'][now]} of the frames.`);
      quarter = now;
    } else if (value.video) {
      busy(false);
      show(value);
    } else if (value.sentence) {
      busy(false);
      say(value.sentence);
    }
  }

  function planned({name, plan: {size, seconds, every, frames, cut}, models, model: first}) {
    busy(false); // what was looked at of another video ends with this one's upload
    model.replaceChildren(...models.map(([text, value]) => html('option', {value}, text)));
    model.value = first;
    put(tools, {hidden: false});
    put(all, {hidden: true});
    const which = every === 1 ? 'every frame' : `every ${every}${{2: 'nd', 3: 'rd'}[every] ?? 'th'} frame`;
    say(`${name}: ${cut ? 'the first ' : ''}${number(seconds)} s of ${size.join(' × ')} pixels. The network looks at ${which}, `
      + `${frames} in all, for objects with a score of at least ${store.state.threshold.toFixed(2)}.`);
  }

  function show(value) {
    result = value;
    film.src = value.video.url;
    put(all, {hidden: false});
    const more = value.count > value.tracks.length ? ` The ${value.tracks.length} that were seen longest can be chosen.` : '';
    say([`${value.frames} frame${value.frames === 1 ? '' : 's'}, ${value.count} track${value.count === 1 ? '' : 's'}.${more}`, ...value.notes.map((note) =>
      `${note}.`)].join(' '));
    which.replaceChildren(...value.tracks.map((t, i) => html('option', {value: i},
      `${t.name} #${t.number}, ${t.times.length} frame${t.times.length === 1 ? '' : 's'}`)));
    choose(0);
  }

  function choose(i) {
    track = result.tracks[i] ?? null;
    const {edges = EDGES, colours} = store.state.trace ?? {};
    legend.replaceChildren(...edges.map((name, k) => swatch(colours?.edges[k] ?? FALLBACK[k], name)));
    put(drawing.into, {'aria-label': track ? `Length of each edge’s 80 % interval of ${track.name} ${track.number} over time, `
      + `from ${number(Math.min(...track.spreads.flat()))} to ${number(Math.max(...track.spreads.flat()))} px` : 'No track'});
    told();
    drawing.draw();
  }

  // What the edges are like where the video is.
  function told() {
    const i = track ? at(track.times, film.currentTime + result.start) : null;
    caption.textContent = !track ? 'Nothing was found for long enough to be followed.'
      : i === null ? `${track.name} #${track.number} is not in sight here. Click the plot to go to a frame.`
        : `${(track.times[i] - result.start).toFixed(2)} s: score ${track.scores[i].toFixed(2)}; intervals of `
          + `${track.spreads[i].map((v, k) => `${number(v)} px (${EDGES[k]})`).join(', ')}.`;
  }

  const scales = (width) => {
    const {times, most} = extent(track), {left, right, top, bottom} = MARGIN;
    return {most, times, x: (t) => left + ((width - left - right) * (t - times[0])) / Math.max(times[1] - times[0], 1e-6),
      y: (v) => HEIGHT - bottom - ((HEIGHT - top - bottom) * v) / most};
  };

  function paint(into, width) {
    if (!track) return;
    const {x, y, most, times} = scales(width);
    for (const v of [0, most / 2, most]) {
      into.append(svg('line', {class: 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: y(v), y2: y(v)}),
        svg('text', {x: MARGIN.left - 6, y: y(v) + 4, 'text-anchor': 'end'}, number(v)));
    }
    for (const t of new Set(times)) into.append(svg('text', {x: x(t), y: HEIGHT - 19, 'text-anchor': t === times[0] ? 'start' : 'end'},
      `${(t - result.start).toFixed(1)} s`));
    into.append(svg('text', {x: width / 2, y: HEIGHT - 5, 'text-anchor': 'middle'}, 'length of the 80 % interval in px over time'));
    const colours = store.state.trace?.colours.edges ?? FALLBACK;
    lines(track, x, y).forEach((d, k) => into.append(svg('path', {class: 'spread', d, fill: 'none', stroke: colours[k]})));
    into.append(...letters(track.spreads.at(-1).map((v, k) => [EDGES[k], y(v)]), {x: width - MARGIN.right + 8}));
    const now = film.currentTime + result.start;
    if (now >= times[0] && now <= times[1]) into.append(svg('line', {class: 'cursor', x1: x(now), x2: x(now), y1: MARGIN.top,
      y2: HEIGHT - MARGIN.bottom}));
  }

  drawing.into.addEventListener('click', (event) => {
    if (!track) return;
    const box = drawing.into.getBoundingClientRect(), {times} = extent(track);
    const share = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    film.currentTime = times[0] + Math.min(Math.max(share, 0), 1) * (times[1] - times[0]) - result.start;
  });
  film.addEventListener('timeupdate', () => {
    told();
    drawing.draw();
  });
  watch('value', heard);
  return () => {};
}

const EDGES = ['left', 'top', 'right', 'bottom'];
const FALLBACK = ['#0072B2', '#E69F00', '#009E73', '#CC79A7']; // of the edges, where no picture is open
