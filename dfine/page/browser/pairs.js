/**
 * Two looks, object by object: the same numbers as `dfine/inference/compare.py`. Everything is in pixels of the first
 * picture; the second one is thought of as resized to it.
 */

/** What the second look is where a visitor has chosen none. */
export const SECOND = {model: '', picture: '', way: 'blur', amount: 0.1};

/**
 * @typedef {object} Pair
 * @property {?number} before number of the detection in the first look; null for a new one
 * @property {?number} after number in the second; null for one that is gone
 * @property {number} [iou]
 * @property {number[]} [moved] by how much each edge moved outward
 * @property {number[][]} [spreads] length of each edge's 80 % interval, before and after
 */

/** Factors from pixels of the second picture to those of the first, per edge. */
export const scale = (first, second) => [0, 1, 0, 1].map((axis) => first.size[axis] / second.size[axis]);

/**
 * The pairs of which at least one side is in sight, then what only one side has, the first one's before the second's.
 * @param {import('./trace.js').Trace} first
 * @param {import('./trace.js').Trace} second
 * @param {number[][]} pairs number before, number after, IoU: which objects are the same, as the server says
 * @param {(d: import('./trace.js').Detection) => boolean} seen whether a detection is in sight
 * @returns {Pair[]}
 */
export function rows(first, second, pairs, seen) {
  const before = new Map(pairs.map(([i, j, iou]) => [i, {j, iou}])), taken = new Set(pairs.map(([, j]) => j));
  const one = (i) => first.detections[i], other = (j) => second.detections[j];
  const both = pairs.filter(([i, j]) => seen(one(i)) || seen(other(j)))
    .map(([i, j, iou]) => ({before: i, after: j, iou, ...known(first.history(i), second.history(j), scale(first, second))}));
  const lost = first.detections.filter((d) => !before.has(d.number) && seen(d));
  const gained = second.detections.filter((d) => !taken.has(d.number) && seen(d));
  return [...both, ...lost.map((d) => ({before: d.number, after: null})),
    ...gained.map((d) => ({before: null, after: d.number}))];
}

/** The same as `change`; nothing while the edges of either object are still on their way. */
const known = (a, b, factors) => (a && b ? change(a, b, factors) : {});

/** How the edges of an object differ between two looks. */
export function change(a, b, factors) {
  const moved = factors.map((f, k) => (k < 2 ? -1 : 1) * (b.boxes[b.layers][k] * f - a.boxes[a.layers][k]));
  const length = (h, f) => h.intervals[h.layers - 1].map(([low, high], k) => (high - low) * f[k]);
  return {moved, spreads: [length(a, [1, 1, 1, 1]), length(b, factors)]};
}

/** What became of everything, in a sentence or two. @param {Pair[]} all @param {(v: number) => string} number */
export function told(all, first, second, seen, number) {
  const kept = all.filter((r) => r.before !== null && seen(first.detections[r.before]));
  const found = kept.filter((r) => r.after !== null && seen(second.detections[r.after]));
  const fresh = all.filter((r) => r.after !== null && seen(second.detections[r.after])
    && (r.before === null || !seen(first.detections[r.before]))).length;
  if (!kept.length && !fresh) return 'Neither look finds anything above the threshold.';
  const objects = `${kept.length} object${kept.length === 1 ? '' : 's'}`;
  const every = ['', 'The object is', 'Both objects are'][kept.length] ?? `All ${objects} are`;
  const none = kept.length === 1 ? 'The object is not' : `None of ${objects} is`;
  const some = `${found.length} of ${objects} ${found.length === 1 ? 'is' : 'are'}`;
  const again = `${found.length === kept.length ? every : found.length ? some : none} found again`;
  const said = [kept.length ? `${again}; ${fresh || 'none'} ${fresh === 1 ? 'is' : 'are'} new.`
    : `The first look finds nothing above the threshold, the second ${fresh}.`];
  const renamed = found.filter((r) => first.detections[r.before].name !== second.detections[r.after].name).length;
  if (renamed) said.push(`${renamed} change${renamed === 1 ? 's its' : ' their'} class.`);
  const widths = found.filter((r) => r.spreads).flatMap(({spreads: [one, other]}) =>
    one.map((v, k) => other[k] / Math.max(v, 1))).sort((a, b) => a - b);
  if (widths.length) {
    const middle = widths[Math.floor(widths.length / 2)];
    said.push(Math.abs(Math.log(middle)) < 0.05 ? 'Edges are about as sure as before.'
      : `An edge’s interval is ${number(middle)} times as long as before, in the median.`);
  }
  return said.join(' ');
}
