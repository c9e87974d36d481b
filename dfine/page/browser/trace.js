/**
 * The answer of one picture as the browser keeps it: what `dfine/page/compact.py` sends, decoded, and one object's way
 * through the layers with everything that the page reads off it.
 */
import {deviation, entropy, mean, mixed, quantiles, softmax, weighting} from './distribution.js';
import * as fitted from './levels.js';

export const LEFT = 0, TOP = 1, RIGHT = 2, BOTTOM = 3;
export const PEAKS = 4; // highest probabilities of every edge that LQE reads

/**
 * @typedef {object} Detection
 * @property {number} number place among all detections, best first; it stays, whatever is filtered
 * @property {string} name
 * @property {string} colour
 * @property {string} ink that reads best on the colour
 * @property {number} score
 * @property {number} query
 * @property {number[]} box corners in pixels, clipped to the picture
 */

/** @param {string} text base64 */
function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out.buffer;
}

const sigmoid = (v) => 1 / (1 + Math.exp(-v));
const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

/** Intersection over union of two boxes, corners in any unit. @param {number[]} a @param {number[]} b */
export function iou(a, b) {
  const side = (box, k) => Math.max(0, box[k + 2] - box[k]);
  const both = [0, 1].map((k) => Math.max(0, Math.min(a[k + 2], b[k + 2]) - Math.max(a[k], b[k])));
  const shared = both[0] * both[1], all = side(a, 0) * side(a, 1) + side(b, 0) * side(b, 1) - shared;
  return all > 0 ? shared / all : 0;
}

/** Everything that the network made of one picture. */
export class Trace {
  /** @param {object} told what `compact` made */
  constructor(told) {
    this.size = told.size;
    this.w = Float64Array.from(told.w);
    [this.a, this.c, this.bins] = [told.a, told.c, told.w.length - 1];
    [this.temperature, this.levels] = [told.temperature, told.levels];
    this.layers = told.layers;
    this.edges = told.edges;
    this.colours = told.colours;
    this.shapes = told.shapes;
    this._told = told;
    this._floats = Object.fromEntries(['scores', 'logits', 'boxes', 'quality'].map((name) =>
      [name, new Float32Array(bytes(told[name]))]));
    this._steps = [told.distributions, told.rest ?? ''].map((part) => new Uint16Array(bytes(part)));
    /** How many queries have their distributions here; those of the others come in a second message. */
    this.known = this._steps.reduce((sum, part) => sum + part.length, 0) / (told.layers * 4 * told.w.length);
    this._histories = new Map();
    /** @type {Detection[]} */
    this.detections = told.labels.map((label, number) => ({
      number, label, ...told.classes[label], score: this._floats.scores[number],
      query: told.queries[told.rows[number]],
      box: this._box(told.rows[number], told.layers).map((v, k) => clamp(v, 0, told.size[k % 2])),
    }));
  }

  _box(row, stage) {
    const start = 4 * (row * (this.layers + 1) + stage);
    return [...this._floats.boxes.subarray(start, start + 4)];
  }

  /** Whether the distributions of all queries are here. */
  get complete() {
    return this.known >= this._told.queries.length;
  }

  /** The same with the distributions that the first message left out. @param {string} rest base64 */
  completed(rest) {
    return new Trace({...this._told, rest});
  }

  /** One object through the layers, or null before its distributions have come. @param {number} number @returns {?History} */
  history(number) {
    if (this._told.rows[number] >= this.known) return null;
    if (!this._histories.has(number)) this._histories.set(number, this._read(number));
    return this._histories.get(number);
  }

  _read(number) {
    const {layers, _floats: f, _told: told} = this, row = told.rows[number], values = this.w.length;
    const logits = [];
    for (let layer = 0; layer < layers; layer++) {
      logits.push(this.edges.map((_, k) => {
        const start = ((row * layers + layer) * 4 + k) * values;
        const [first, rest] = this._steps, here = start < first.length;
        const steps = here ? first.subarray(start, start + values) : rest.subarray(start - first.length, start - first.length + values);
        return Float64Array.from(steps, (v) => -v * told.step);
      }));
    }
    const classLogits = [...f.logits.subarray(number * (layers + 1), (number + 1) * (layers + 1))];
    return new History({
      ...this.detections[number], layers, size: this.size, logits, w: this.w, temperature: this.temperature,
      levels: this.levels,
      boxes: Array.from({length: layers + 1}, (_, stage) => this._box(row, stage)),
      classLogits, quality: [...f.quality.subarray(row * layers, (row + 1) * layers)], token: told.tokens[row],
      edges: this.edges, colours: this.colours,
    });
  }

  /** The level, row and column of the encoder's token that a query came from, or null. @param {number} token */
  cell(token) {
    let first = 0;
    for (const [level, [height, width]] of this.shapes.entries()) {
      if (token >= first && token < first + height * width)
        return {level, row: Math.floor((token - first) / width), column: (token - first) % width};
      first += height * width;
    }
    return null;
  }
}

/** One object through the layers: where it started, what every layer made of its edges, how sure each of them is. */
export class History {
  /** @param {object} parts see `Trace` */
  constructor(parts) {
    Object.assign(this, parts);
    const [x1, y1, x2, y2] = this.boxes[0];
    this.initial = {centre: [(x1 + x2) / 2, (y1 + y2) / 2], size: [x2 - x1, y2 - y1]};
    /** Pixels in one size of the initial box, per edge. */
    this.perSize = [x2 - x1, y2 - y1, x2 - x1, y2 - y1];
    this.scores = this.classLogits.map(sigmoid);
    this.scoresBefore = this.quality.map((q, layer) => sigmoid(this.classLogits[layer + 1] - q));
    this.p ??= this.logits.map((layer) => layer.map((edge) => softmax(edge)));
    this.offsets = this.p.map((layer) => layer.map((p) => mean(p, this.w)));
    /** Pixels outward since the stage before, from the boxes, which are exact. */
    this.shifts = this.boxes.slice(1).map((box, i) =>
      box.map((v, k) => (k < 2 ? -1 : 1) * (v - this.boxes[i][k])));
    this.ious = this.boxes.map((box) => iou(box, this.boxes[this.layers]));
    this._kept = {}; // what was read off it once; a slider makes a history a frame, and reads little of each
  }

  /** What `read` makes, made once. @template T @param {string} name @param {() => T} read @returns {T} */
  _once(name, read) {
    return this._kept[name] ??= read();
  }

  /** What `read` makes of every layer's and edge's Pr(n) after the fitted temperature; made once. */
  _everywhere(name, read) {
    const warm = () => (this.temperature ? this.logits.map((layer) => this._warm(layer)) : this.p);
    return this._once(name, () => this._once('warm', warm).map((layer) => layer.map(read)));
  }

  /** Pr(n) of every layer and edge as it is to be trusted. */
  get calibrated() {
    return this._everywhere('calibrated', (p) => this._fitted(p));
  }

  /** The standard deviation of every layer and edge, in pixels. */
  get deviations() {
    const spread = (p) => (this.levels ? fitted.deviation(p, this.w, this.levels) : deviation(p, this.w));
    return this._everywhere('deviations', (p, k) => spread(p) * Math.abs(this.perSize[k]));
  }

  /** Between which places every layer's edges lie with 80 % probability, in pixels of the picture. */
  get intervals() {
    return this._everywhere('intervals', (p, k) => this.reach(p, k));
  }

  /** The object's name and score, as headlines have it. */
  get title() {
    return `${this.name} ${this.scores[this.layers].toFixed(2)}, query ${this.query}`;
  }

  /** Whether a temperature or a table of levels has been fitted. */
  get calibration() {
    return this.temperature || this.levels ? 'calibrated' : 'uncalibrated';
  }

  /** Pr(n) of the four edges after the fitted temperature, where there is one. */
  _warm(logits) {
    return logits.map((edge, k) => softmax(edge, this.temperature ? this.temperature[k] : 1));
  }

  /** Such a Pr(n) after the fitted table of levels, where there is one. */
  _fitted(p) {
    return this.levels ? fitted.probabilities(p, this.w, this.levels) : p;
  }

  /** What every layer added to the logits of every edge, so that a bin with more than 0 became more probable. */
  get added() {
    const log = (logits) => {
      const top = Math.max(...logits), sum = top + Math.log(logits.reduce((all, v) => all + Math.exp(v - top), 0));
      return logits.map((v) => v - sum);
    };
    const after = () => this.logits.map((layer) => layer.map(log)), equal = -Math.log(this.w.length);
    return this._once('added', () => after().map((layer, i, all) => layer.map((edge, k) =>
      edge.map((v, n) => v - (i ? all[i - 1][k][n] : equal)))));
  }

  /** What LQE read of a layer's edges: the highest Pr(n), largest first, and their mean. @param {number} layer from 1 */
  peaks(layer) {
    return this.p[layer - 1].map((p) => {
      const top = [...p].sort((a, b) => b - a).slice(0, PEAKS);
      return [...top, top.reduce((sum, v) => sum + v) / PEAKS];
    });
  }

  /** The place in pixels of an edge at an offset from the initial box. @param {number} edge @param {number} offset */
  at(edge, offset) {
    const axis = edge % 2, out = (0.5 + offset) * this.initial.size[axis];
    return this.initial.centre[axis] + (edge < 2 ? -out : out);
  }

  /** Between which places an edge lies with a probability, in order; Pr(n) before the table of levels. */
  reach(p, edge, mass = 0.8) {
    const shares = [(1 - mass) / 2, (1 + mass) / 2];
    const ends = this.levels ? fitted.quantiles(p, this.w, this.levels, shares) : quantiles(p, this.w, shares);
    return ends.map((offset) => this.at(edge, offset)).sort((a, b) => a - b);
  }

  /** The logits of all edges at a place on the way through the layers; at 0, no distribution has moved anything yet. */
  logitsAt(place) {
    const layer = Math.ceil(place), share = place - (layer - 1);
    if (place <= 0) return this.edges.map(() => new Float64Array(this.w.length));
    if (share >= 1) return this.logits[layer - 1];
    const flat = new Float64Array(this.w.length);
    return this.logits[layer - 1].map((to, k) => mixed(layer > 1 ? this.logits[layer - 2][k] : flat, to, share));
  }

  /**
   * The box and the edges at a place on the way: 0 the initial box, 1 … L a layer, in between a mixture.
   * @param {number} place
   * @returns {{box: number[], p: () => Float64Array[], reach: ?number[][]}} the initial box has no interval
   */
  moment(place) {
    if (this._kept.moment?.place !== place) this._kept.moment = {place, ...this._at(place)};
    return this._kept.moment;
  }

  _at(place) {
    const stage = Math.round(place), arrived = Math.abs(place - stage) < 1e-9, logits = this.logitsAt(place);
    const warm = this._warm(logits);
    const box = arrived ? this.boxes[stage] : logits.map((edge, k) => this.at(k, mean(softmax(edge), this.w)));
    const reach = place < 1 ? null : arrived ? this.intervals[stage - 1] : warm.map((p, k) => this.reach(p, k));
    return {box, p: () => warm.map((p) => this._fitted(p)), reach};
  }

  /** The box that the same Pr(n) give with another weighting function. @param {number} layer from 1 on */
  decoded(layer, w) {
    return this.p[layer - 1].map((p, k) => this.at(k, mean(p, w)));
  }

  /** The same object as the network would read it with another W(n); the network was not trained for it. */
  reweighted(a, c) {
    const w = weighting(this.w.length - 1, a, c);
    return new History({...this, w, boxes: [this.boxes[0], ...this.p.map((_, i) => this.decoded(i + 1, w))]});
  }

  /**
   * The same object with other Pr(n) of the last layer's edges; the network said otherwise.
   * @param {Record<string, number[]>} edges Pr(n) by the number of the edge; the others stay
   */
  edited(edges) {
    const last = this.layers - 1, put = (rows, made) => rows.map((row, i) => (i < last ? row : row.map((own, k) =>
      (edges[k] ? Float64Array.from(edges[k], made) : own))));
    const p = put(this.p, (v) => v), logits = put(this.logits, (v) => Math.log(Math.max(v, 1e-12)));
    const box = this.boxes[this.layers].map((v, k) => (edges[k] ? this.at(k, mean(p[last][k], this.w)) : v));
    return new History({...this, p, logits, boxes: [...this.boxes.slice(0, -1), box]});
  }

  /** Entropy of an edge's distribution in bits. */
  entropy(layer, edge) {
    return entropy(this.calibrated[layer - 1][edge]);
  }
}
