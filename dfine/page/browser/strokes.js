/** The strokes of a sketch, and their outlines. Points are in pixels of the sheet. */

const NEAR = 1.5; // pixels: closer points than this add nothing

/** @typedef {{points: number[][], colour: string, width: number}} Stroke */

/** What has been drawn; every stroke and every clearing can be taken back. */
export class Strokes {
  constructor() {
    /** @type {Stroke[]} */
    this.all = [];
    /** @type {?Stroke} */
    this.now = null;
    this._past = [];
  }

  /** The pen comes down. @param {number[]} point @param {{colour: string, width: number}} pen */
  begin(point, {colour, width}) {
    this.now = {points: [point], colour, width};
  }

  /** The pen moves. @returns {boolean} whether that drew anything */
  extend([x, y]) {
    if (!this.now) return false;
    const [u, v] = this.now.points.at(-1);
    if (Math.hypot(x - u, y - v) < NEAR) return false;
    this.now.points.push([x, y]);
    return true;
  }

  /** The pen is lifted. @returns {boolean} whether there is a new stroke */
  end() {
    if (!this.now) return false;
    this._set([...this.all, this.now]);
    this.now = null;
    return true;
  }

  /** Take everything away. */
  clear() {
    if (this.all.length) this._set([]);
  }

  /** Take the last stroke or clearing back. */
  undo() {
    if (this._past.length) this.all = this._past.pop();
  }

  get canUndo() {
    return this._past.length > 0;
  }

  _set(all) {
    this._past.push(this.all);
    this.all = all;
  }
}

/** A smooth line through points, in the language of SVG's paths; a single point is a dot. @param {number[][]} points */
export function outline(points) {
  const at = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  if (points.length === 1) return `M${at(points[0])}l0.1 0`;
  const middles = points.slice(1, -1).map((p, i) => [p, [(p[0] + points[i + 2][0]) / 2, (p[1] + points[i + 2][1]) / 2]]);
  return `M${at(points[0])}${middles.map(([p, m]) => `Q${at(p)} ${at(m)}`).join('')}L${at(points.at(-1))}`;
}
