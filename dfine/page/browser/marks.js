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
  /** @type {SVGElement[]} */
  const pool = [];

  return ({history, state, box, reach, scale, shift, size, origin = [0, 0]}) => {
    const on = (v, axis) => (v - origin[axis]) * scale[axis];
    const {colours} = history, used = [];
    if (reach && state.ribbons) paint();
    for (let i = used.length; i < pool.length; i++) put(pool[i], {display: 'none'});

    // Rectangles along every edge, the darker the denser, on one scale for all four.
    function paint() {
      const {p} = history.moment(state.layer), at = borders(history.w);
      const edges = p.map((mass, k) => density(mass, history.w).map((v) => v / Math.max(Math.abs(history.perSize[k]),
        1e-9)));
      const top = Math.max(...edges.map((edge) => Math.max(...edge)));
      edges.forEach((dense, k) => dense.forEach((v, n) => {
        if (v < FAINT * top) return;
        const axis = k % 2, ends = [at[n], at[n + 1]].map((offset) => on(history.at(k, offset) + shift[k], axis));
        const [low, high] = ends[0] < ends[1] ? ends : [ends[1], ends[0]];
        const [from, to] = [on(box[1 - axis], 1 - axis), on(box[3 - axis], 1 - axis)].sort((a, b) => a - b);
        const place = axis ? {x: from, y: low, width: Math.max(to - from, 1), height: Math.max(high - low, 0.5)}
          : {x: low, y: from, width: Math.max(high - low, 0.5), height: Math.max(to - from, 1)};
        const node = pool[used.length] ?? pool[pool.push(ribbons.appendChild(svg('rect'))) - 1];
        used.push(node);
        put(node, {...place, display: null, fill: colours.edges[k],
          'fill-opacity': (0.75 * Math.sqrt(v / top)).toFixed(3)});
      }));
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
