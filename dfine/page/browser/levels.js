/**
 * Which quantiles of an edge's distribution to read, where a table of levels has been fitted: the same mathematics as
 * `dfine/trace/levels.py`, which says what a table is.
 */
import {interval, joined, quantiles as plain} from './distribution.js';

const SHARES = 40;  // quantiles that a deviation is made of

/** The shares that a table knows, and the levels of the row that an edge's own width chooses, with 0 and 1. */
function row(p, w, table) {
  const [low, high] = interval(p, w);
  let group = 1;
  while (group + 1 < table.length && table[group + 1][0] <= high - low) group++;
  const whole = (values) => [0, ...values.slice(1), 1];
  return [whole(table[0]), whole(table[group])];
}

/** Linear interpolation between points that rise. @param {number} x @param {number[]} xs @param {number[]} ys */
function between(x, xs, ys) {
  let right = 0;
  while (right < xs.length && xs[right] < x) right++;
  right = Math.min(Math.max(right, 1), xs.length - 1);
  const share = (x - xs[right - 1]) / Math.max(xs[right] - xs[right - 1], 1e-12);
  return ys[right - 1] + Math.min(Math.max(share, 0), 1) * (ys[right] - ys[right - 1]);
}

/** Offsets below which the given shares of true edges lie. */
export function quantiles(p, w, table, shares) {
  const [known, levels] = row(p, w, table);
  return plain(p, w, shares.map((share) => between(share, known, levels)));
}

/** The standard deviation of 40 evenly spaced quantiles, in sizes of the initial box. */
export function deviation(p, w, table) {
  const at = quantiles(p, w, table, Array.from({length: SHARES}, (_, i) => (i + 0.5) / SHARES));
  const middle = at.reduce((a, b) => a + b) / SHARES;
  return Math.sqrt(at.reduce((sum, v) => sum + (v - middle) ** 2, 0) / SHARES);
}

/** The mass around each W(n), up to half-way to its neighbours. */
export function probabilities(p, w, table) {
  const [known, levels] = row(p, w, table);
  const points = joined(p); // half-way between two of them is where the CDF is at the middle of two W(n)
  const below = Array.from({length: p.length - 1}, (_, n) => between((points[n] + points[n + 1]) / 2, levels, known));
  return Float64Array.from(p, (_, n) => (below[n] ?? 1) - (below[n - 1] ?? 0));
}
