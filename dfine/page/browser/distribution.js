/**
 * An edge as a distribution: W(n), its mean, its spread. The same mathematics as `dfine/distribution.py`, whose words
 * are used here: offsets are in sizes of the initial box and positive outward. A test holds both to equal numbers.
 */

const LEAST = 1e-4; // of a share that is set by hand

/**
 * The weighting function W(n) (paper eq. 4): N + 1 offsets, rising, symmetric about W(N/2) = 0.
 * @param {number} bins N, even and at least 4
 * @param {number} a half of the farthest offset
 * @param {number} c the curvature: the smaller, the finer the steps around zero
 * @returns {Float64Array}
 */
export function weighting(bins, a, c) {
  if (bins < 4 || bins % 2) throw new RangeError(`W(n) needs an even number of bins of at least 4, not ${bins}`);
  if (!(a > 0) || !(c > 0)) throw new RangeError(`a and c of W(n) must be positive, not a=${a}, c=${c}`);
  const w = new Float64Array(bins + 1), middle = bins / 2;
  for (let n = 0; n < middle; n++) {
    const offset = c * (a / c + 1) ** ((2 * n) / (bins - 2)) - c;
    w[middle + n] = offset;
    w[middle - n] = n ? -offset : 0;
  }
  [w[0], w[bins]] = [-2 * a, 2 * a];
  return w;
}

/**
 * Pr(n) of logits; a temperature flattens it.
 * @param {ArrayLike<number>} logits
 * @param {number} [temperature]
 * @returns {Float64Array}
 */
export function softmax(logits, temperature = 1) {
  let top = -Infinity, sum = 0;
  for (let n = 0; n < logits.length; n++) top = Math.max(top, logits[n]);
  const p = Float64Array.from(logits, (v) => Math.exp((v - top) / temperature));
  for (const v of p) sum += v;
  return p.map((v) => v / sum);
}

/**
 * Logits on the way from one distribution to the next, as the network itself adds to them from layer to layer.
 * @param {ArrayLike<number>} from
 * @param {ArrayLike<number>} to
 * @param {number} share 0 … 1
 * @returns {Float64Array}
 */
export const mixed = (from, to, share) => Float64Array.from(to, (v, n) => from[n] + share * (v - from[n]));

/**
 * Pr(n) after one logit has changed, so that its bin holds a share: the softmax scales all others alike.
 * @param {ArrayLike<number>} p
 * @param {number} bin
 * @param {number} share 0 … 1; kept a little inside, since a softmax gives neither 0 nor 1
 * @returns {number[]}
 */
export function withShare(p, bin, share) {
  const mine = Math.min(Math.max(share, LEAST), 1 - LEAST), others = 1 - p[bin];
  const rest = (v) => (others > LEAST ? (v * (1 - mine)) / others : (1 - mine) / (p.length - 1));
  return Array.from(p, (v, n) => (n === bin ? mine : rest(v)));
}

/** Σ W(n)·Pr(n). @param {ArrayLike<number>} p @param {ArrayLike<number>} w */
export function mean(p, w) {
  let sum = 0;
  for (let n = 0; n < p.length; n++) sum += p[n] * w[n];
  return sum;
}

/** Standard deviation √(Σ Pr(n)·(W(n) − mean)²). @param {ArrayLike<number>} p @param {ArrayLike<number>} w */
export function deviation(p, w) {
  const middle = mean(p, w);
  let sum = 0;
  for (let n = 0; n < p.length; n++) sum += p[n] * (w[n] - middle) ** 2;
  return Math.sqrt(sum);
}

/** −Σ Pr(n)·log₂ Pr(n) in bits. @param {ArrayLike<number>} p */
export function entropy(p) {
  let sum = 0;
  for (let n = 0; n < p.length; n++) if (p[n] > 0) sum -= p[n] * Math.log2(p[n]);
  return sum;
}

/**
 * Offsets below which the given shares of the mass lie. The CDF is linear between the points (W(n), mass up to n less
 * half of Pr(n)), and flat outside W(0) … W(N).
 * @param {ArrayLike<number>} p
 * @param {ArrayLike<number>} w
 * @param {number[]} levels
 * @returns {number[]}
 */
export function quantiles(p, w, levels) {
  const points = joined(p);
  return levels.map((level) => {
    let right = 0;
    while (right < points.length && points[right] < level) right++;
    right = Math.min(Math.max(right, 1), p.length - 1);
    const low = points[right - 1], high = points[right];
    const share = Math.min(Math.max((level - low) / Math.max(high - low, 1e-12), 0), 1);
    return w[right - 1] + share * (w[right] - w[right - 1]);
  });
}

/** The mass up to each bin less half of its own: the points that the CDF joins. @param {ArrayLike<number>} p */
export function joined(p) {
  const points = new Float64Array(p.length);
  let below = 0;
  for (let n = 0; n < p.length; n++) {
    points[n] = below + p[n] / 2;
    below += p[n];
  }
  return points;
}

/**
 * The central interval that holds `mass` of the distribution.
 * @param {ArrayLike<number>} p
 * @param {ArrayLike<number>} w
 * @param {number} [mass]
 */
export const interval = (p, w, mass = 0.8) => quantiles(p, w, [(1 - mass) / 2, 1 - (1 - mass) / 2]);

/**
 * Where each bin begins and ends: halfway to its neighbours; the outermost reach as far out as in.
 * @param {ArrayLike<number>} w
 * @returns {Float64Array} N + 2 borders, rising
 */
export function borders(w) {
  const last = w.length - 1, out = new Float64Array(w.length + 1);
  for (let n = 1; n <= last; n++) out[n] = (w[n - 1] + w[n]) / 2;
  out[0] = w[0] - (out[1] - w[0]);
  out[last + 1] = w[last] + (w[last] - out[last]);
  return out;
}

/**
 * Pr(n) as a density: mass divided by the width of its bin, which differs from bin to bin.
 * @param {ArrayLike<number>} p
 * @param {ArrayLike<number>} w
 */
export function density(p, w) {
  const at = borders(w);
  return Float64Array.from(p, (v, n) => v / (at[n + 1] - at[n]));
}

/**
 * The corners of a line over bars, from foot to foot. To scale, W(n) leaps to its two ends, and the line goes round their
 * bars: straight from W(1) to W(0) it would claim what lies between them, where no bin is.
 * @param {ArrayLike<number>} x where the bars stand, rising
 * @param {ArrayLike<number>} y their heights
 * @param {number} thick a bar; 0 where they are evenly spaced
 * @returns {number[][]} pairs of x and y
 */
export function over(x, y, thick) {
  const last = x.length - 1, half = thick / 2, inner = Array.from(x, (v, n) => [v, y[n]]);
  if (!thick) return [[x[0], 0], ...inner, [x[last], 0]];
  const bar = (n) => [[x[n] - half, 0], [x[n] - half, y[n]], [x[n] + half, y[n]], [x[n] + half, 0]];
  const feet = [Math.max(2 * x[1] - x[2], (x[0] + x[1]) / 2), Math.min(2 * x[last - 1] - x[last - 2], (x[last] + x[last - 1]) / 2)];
  return [...bar(0), [feet[0], 0], ...inner.slice(1, -1), [feet[1], 0], ...bar(last)];
}
