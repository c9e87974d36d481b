import assert from 'node:assert/strict';
import {test} from 'node:test';
import * as d from '../../../dfine/page/browser/distribution.js';

const near = (a, b, by = 1e-12) => assert.ok(Math.abs(a - b) <= by, `${a} is not ${b}`);

test('W of a small table by hand', () => {
  const root = (Math.sqrt(3) - 1) / 4, w = [-1, -0.5, -root, 0, root, 0.5, 1];
  d.weighting(6, 0.5, 0.25).forEach((v, n) => near(v, w[n]));
});

test('what is no W(n) is refused', () => {
  for (const [bins, a, c] of [[5, 0.5, 0.25], [2, 0.5, 0.25], [32, 0, 0.25], [32, 0.5, -1], [32, NaN, 1]])
    assert.throws(() => d.weighting(bins, a, c), RangeError);
});

test('a single bin is its own mean and has no spread', () => {
  const w = d.weighting(32, 0.5, 0.25), p = new Float64Array(33);
  p[20] = 1;
  near(d.mean(p, w), w[20]);
  near(d.deviation(p, w), 0);
  near(d.entropy(p), 0);
});

test('a flat distribution stays where it is, and is as unsure as can be', () => {
  const w = d.weighting(32, 0.5, 0.25), p = d.softmax(new Float64Array(33));
  near(d.mean(p, w), 0);
  near(d.entropy(p), Math.log2(33));
  const [low, high] = d.interval(p, w);
  near(low, -high);
});

test('a temperature flattens, and a shift of all logits changes nothing', () => {
  const logits = Float64Array.from({length: 33}, (_, n) => -((n - 12) ** 2) / 8), p = d.softmax(logits);
  d.softmax(logits.map((v) => v + 700)).forEach((v, n) => near(v, p[n]));
  assert.ok(d.entropy(d.softmax(logits, 2)) > d.entropy(p));
  d.mixed(logits, logits, 0.3).forEach((v, n) => near(v, logits[n]));
});

test('densities times the widths of bins are all the mass', () => {
  const w = d.weighting(32, 0.5, 0.25), p = d.softmax(Float64Array.from({length: 33}, (_, n) => Math.sin(n)));
  const at = d.borders(w);
  near(d.density(p, w).reduce((sum, v, n) => sum + v * (at[n + 1] - at[n]), 0), 1);
  for (let n = 0; n < 33; n++) assert.ok(at[n] < w[n] && w[n] < at[n + 1]);
});

test('a bin takes its share from all others alike, as a softmax does when one logit changes', () => {
  const logits = [0, 1, -2, 0.5, 0], p = d.softmax(logits), other = d.softmax(logits.map((v, n) => (n === 1 ? v + 0.7 : v)));
  d.withShare(p, 1, other[1]).forEach((v, n) => near(v, other[n]));
  for (const share of [-1, 0, 0.3, 1, 7]) {
    const made = d.withShare(p, 2, share);
    near(made.reduce((a, b) => a + b), 1);
    assert.ok(made.every((v) => v > 0 && v < 1));
  }
  const sure = [0, 0, 1, 0, 0]; // nothing is left to share out: the others get equal parts
  d.withShare(sure, 2, 0.6).forEach((v, n) => near(v, n === 2 ? 0.6 : 0.1));
});

test('a line over bars to scale claims nothing where no bin lies, and one over bins is that of their heights', () => {
  for (const bins of [4, 6, 32]) {
    const w = d.weighting(bins, 0.5, 0.25), y = Array.from(w, (_, n) => 1 + n), line = d.over(w, y, 0.02);
    const rising = line.map(([v]) => v);
    assert.deepEqual(rising, rising.toSorted((a, b) => a - b));
    assert.deepEqual(line.slice(5, -5), Array.from(w, (v, n) => [v, y[n]]).slice(1, -1));
    for (const [from, to] of [[line[3], line[4]], [line.at(-5), line.at(-4)]]) {
      assert.ok(from[1] === 0 && to[1] === 0);
      assert.ok(to[0] - from[0] > 0.2, 'nothing for most of the leap');
    }
    assert.deepEqual(d.over(w, y, 0), [[w[0], 0], ...Array.from(w, (v, n) => [v, y[n]]), [w[bins], 0]]);
  }
});
