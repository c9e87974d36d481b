/**
 * What is drawn along the four edges of a box: each distribution as a density, or the interval that holds 80 % of it,
 * and the place of the bin that the pointer is on.
 *
 * A density is the mass of a bin divided by its width in pixels: bins differ in width, and bars of equal width mislead.
 */
import {density, borders} from './distribution.js';
import {put, svg} from './dom.js';

const CAP = 6; // pixels of the screen
const FAINT = 0.02; // of the highest density: less than this is not drawn
const SHADES = 10, DARKEST = 0.75; // opacities of a density

/**
 * @param {SVGElement} group into which the marks go
 * @returns {(shown: {history: import('./trace.js').History, state: import('./state.js').State, box: number[],
 *   reach: ?number[][], scale: number[], shift: number[], size: number[]}) => void} `scale` and `origin` lead from
 *   pixels of the picture to those of the drawing, `shift` is how far each edge is drawn from where it is
 */
export function edgeMarks(group) {
  const ribbons = svg('g', {class: 'ribbons'}), whiskers = svg('g', {class: 'whiskers'});
  const line = svg('line', {class: 'bin'});
  group.replaceChildren(ribbons, whiskers, line);
  const halo = Array.from({length: 4}, () => svg('path', {class: 'halo'}));
  const stroke = Array.from({length: 4}, () => svg('path', {class: 'whisker'}));
  whiskers.append(...halo, ...stroke);
  /** One path for each edge and shade, so that a frame changes forty attributes at most. @type {SVGElement[][]} */
  const shades = Array.from({length: 4}, () => Array.from({length: SHADES}, (_, i) =>
    ribbons.appendChild(svg('path', {'fill-opacity': (DARKEST * (i + 1)) / SHADES}))));

  return ({history, state, box, reach, scale, shift, size, origin = [0, 0]}) => {
    const on = (v, axis) => (v - origin[axis]) * scale[axis];
    const {colours} = history, shaded = reach && state.ribbons;
    put(ribbons, {display: shaded ? null : 'none'});
    if (shaded) shade();

    // Rectangles along every edge, the darker the denser, on one scale for all four.
    function shade() {
      const p = history.moment(state.layer).p(), at = borders(history.w);
      const one = history.perSize.map((v) => Math.max(Math.abs(v), 1e-9));
      const edges = p.map((mass, k) => density(mass, history.w).map((v) => v / one[k]));
      const top = Math.max(...edges.map((edge) => Math.max(...edge)));
      edges.forEach((dense, k) => {
        const axis = k % 2, [from, to] = [box[1 - axis], box[3 - axis]].map((v) => on(v, 1 - axis).toFixed(1));
        const paths = Array(SHADES).fill('');
        dense.forEach((v, n) => {
          if (v < FAINT * top) return;
          const [low, high] = [at[n], at[n + 1]].map((offset) => on(history.at(k, offset) + shift[k], axis).toFixed(2));
          const level = Math.min(SHADES - 1, Math.floor(SHADES * Math.sqrt(v / top)));
          paths[level] += axis ? `M${from} ${low}H${to}V${high}H${from}z` : `M${low} ${from}V${to}H${high}V${from}z`;
        });
        paths.forEach((d, i) => put(shades[k][i], {d, fill: colours.edges[k]}));
      });
    }

    for (let k = 0; k < 4; k++) {
      const shown = reach && !state.ribbons, axis = k % 2;
      put(halo[k], {display: shown ? null : 'none'});
      put(stroke[k], {display: shown ? null : 'none', stroke: colours.edges[k],
        class: `whisker${state.over === k ? ' over' : ''}`});
      if (!shown) continue;
      const [low, high] = reach[k].map((v) => on(v + shift[k], axis));
      const middle = (on(box[1 - axis], 1 - axis) + on(box[3 - axis], 1 - axis)) / 2;
      const at = (along, across) => (axis ? `${across},${along}` : `${along},${across}`);
      const d = `M${at(low, middle - CAP)}L${at(low, middle + CAP)}M${at(low, middle)}L${at(high, middle)}`
        + `M${at(high, middle - CAP)}L${at(high, middle + CAP)}`;
      put(halo[k], {d});
      put(stroke[k], {d});
    }

    const k = state.over ?? state.edge, axis = k % 2;
    put(line, {display: state.bin === null ? 'none' : null});
    if (state.bin === null) return;
    const place = on(history.at(k, history.w[state.bin]) + shift[k], axis), end = on(size[1 - axis], 1 - axis);
    const start = on(0, 1 - axis);
    put(line, axis ? {x1: start, x2: end, y1: place, y2: place, stroke: colours.edges[k]}
      : {x1: place, x2: place, y1: start, y2: end, stroke: colours.edges[k]});
  };
}
