/**
 * The one state of the page: what is shown, chosen, hovered and set. Everything that draws is told of every change, and
 * everything that reacts to a visitor changes nothing but this.
 */
import {weighting} from './distribution.js';

/**
 * @typedef {object} State
 * @property {?import('./trace.js').Trace} trace what the network answered; null where there is no answer
 * @property {?number} object the number of the chosen detection
 * @property {number} layer 0 the initial box, 1 … L a layer, in between while the layers play
 * @property {number} edge 0 left, 1 top, 2 right, 3 bottom
 * @property {?number} over an edge that the pointer is on
 * @property {?number} bin a bin that the pointer is on
 * @property {string} tab the key of the open tab
 * @property {number} threshold the lowest score in sight
 * @property {string[]} classes to which the view is narrowed; none stand for all
 * @property {?number} top how many objects are in sight at most
 * @property {?number[]} point a place that was asked about, in pixels
 * @property {boolean} ribbons whether edges are drawn as densities
 * @property {boolean} magnified whether movements are drawn ten times as far
 * @property {string} undrawn the key of a tab that the server could not draw
 * @property {boolean} present whether the picture and one edge fill the window, for a projector
 * @property {?{a: number, c: number}} lab another W(n) that is tried; null for the network's own
 * @property {?{object: number, edges: Record<string, number[]>}} hand Pr(n) of the last layer that were edited by hand,
 *   of one object and by the number of the edge; null for the network's own
 * @property {?{model: string, picture: string, way: string, amount: number}} second what the picture is compared with;
 *   null for what it is compared with at first
 * @property {?{way: string, amount: number, patch: ?number[]}} spoil how the picture is spoiled, in its pixels; null for
 *   how it is at first
 */

/** @type {State} */
export const START = {
  trace: null, object: null, layer: 0, edge: 0, over: null, bin: null, tab: '', threshold: 0.5, classes: [], top: null,
  point: null, ribbons: false, magnified: false, present: false,
  undrawn: '', lab: null, hand: null, second: null, spoil: null,
};
/** What a visitor decides, and may want to take back; not where the pointer is, or how far the layers have played. */
export const DECISIONS = ['object', 'edge', 'tab', 'threshold', 'classes', 'top', 'lab', 'hand', 'second', 'spoil'];
/** The key of the tab where another W(n) is tried; its view is lab.js. */
export const LAB = 'lab';
const MEMORY = 100; // decisions that can be taken back

/**
 * The detections in sight, best first.
 * @param {State} state
 * @returns {import('./trace.js').Detection[]}
 */
export function inSight({trace, threshold, classes, top}) {
  const lowest = Math.fround(threshold); // scores are in single precision
  const seen = (trace?.detections ?? []).filter((d) => d.score >= lowest
    && (!classes.length || classes.includes(d.name)));
  return top === null ? seen : seen.slice(0, Math.max(0, top));
}

/**
 * Where nothing is in sight: the best of the chosen classes that the threshold hides, and the threshold that shows it.
 * @param {State} state
 * @returns {?{name: string, score: number, threshold: number}}
 */
export function nearest(state) {
  const best = inSight(state).length ? null : inSight({...state, threshold: 0})[0];
  return best ? {name: best.name, score: best.score, threshold: Math.floor(best.score * 100) / 100} : null;
}

/** The chosen object's way through the layers, or null. @param {State} state @returns {?import('./trace.js').History} */
export function chosen({trace, object}) {
  return trace && object !== null ? trace.history(object) : null;
}

const tried = new WeakMap(); // histories with another W(n) or Pr(n): the last one of each

/** As `chosen`, read with the W(n) and the Pr(n) that are tried where their tab is open. @param {State} state */
export function read(state) {
  const history = chosen(state), {lab, hand} = state;
  if (!history || state.tab !== LAB || !(lab || hand)) return history;
  const last = tried.get(history);
  if (last?.lab === lab && last.hand === hand) return last.history;
  let again = hand ? history.edited(hand.edges) : history;
  if (lab) again = again.reweighted(lab.a, lab.c);
  tried.set(history, {lab, hand, history: again});
  return again;
}

/** Whether something is a Pr(n) of so many values. */
const isShares = (p, values) => Array.isArray(p) && p.length === values && p.every((v) => v >= 0 && v <= 1)
  && Math.abs(p.reduce((sum, v) => sum + v, 0) - 1) < 1e-3;

/** What was edited by hand, as far as it belongs to the chosen object. */
function fitting(hand, object, trace) {
  const fits = hand && trace && hand.object === object && Object.keys(hand.edges).length
    && Object.entries(hand.edges).every(([k, p]) => ['0', '1', '2', '3'].includes(k) && isShares(p, trace.w.length));
  return fits ? hand : null;
}

/** The state with what does not go together put right. @param {State} state @returns {State} */
export function settled(state) {
  const layers = state.trace?.layers ?? 0, seen = inSight(state);
  const object = seen.some((d) => d.number === state.object) ? state.object : seen[0]?.number ?? null;
  const layer = Math.min(Math.max(state.layer ?? layers, 0), layers); // a link may name none
  let {lab} = state;
  try {
    if (lab) weighting(4, lab.a, lab.c);
  } catch {
    lab = null;
  }
  return {...state, object, layer, lab, hand: fitting(state.hand, object, state.trace), edge: [0, 1, 2, 3].includes(state.edge) ? state.edge : 0};
}

/** Holds the state and tells of its changes. */
export class Store {
  /** @param {Partial<State>} [start] */
  constructor(start = {}) {
    /** @type {State} */
    this.state = settled({...START, ...start});
    this._past = [];
    this._told = new Set();
  }

  /** @param {(state: State, changed: Set<string>) => void} listener @returns {() => void} stops telling it */
  subscribe(listener) {
    this._told.add(listener);
    return () => this._told.delete(listener);
  }

  /**
   * Change some of the state. Nothing is told where nothing differs.
   * @param {Partial<State>} changes
   * @param {{remember?: boolean}} [options] whether a decision among the changes can be taken back
   */
  set(changes, {remember = true} = {}) {
    const before = this.state, after = settled({...before, ...changes});
    const changed = new Set(Object.keys(after).filter((key) => !same(key, before[key], after[key])));
    if (!changed.size) return;
    if (changed.has('trace')) this._past = [];
    else if (remember && DECISIONS.some((key) => changed.has(key))) {
      this._past.push(Object.fromEntries(DECISIONS.map((key) => [key, before[key]])));
      if (this._past.length > MEMORY) this._past.shift();
    }
    this.state = after;
    for (const listener of this._told) listener(after, changed);
  }

  /** Whether there is a decision to take back. */
  get canUndo() {
    return this._past.length > 0;
  }

  /** Take the last decision back. */
  undo() {
    const before = this._past.pop();
    if (before) this.set(before, {remember: false});
  }
}

const PLAIN = ['classes', 'point', 'lab', 'hand', 'second', 'spoil']; // what is equal where its content is
const same = (key, a, b) => a === b || (PLAIN.includes(key) && JSON.stringify(a) === JSON.stringify(b));
