import assert from 'node:assert/strict';
import {test} from 'node:test';
import {change, rows, scale, told} from '../../../dfine/page/browser/pairs.js';

const W = [-1, 0, 1];
const history = (box, reach) => ({layers: 1, boxes: [box, box], intervals: [box.map((v) => [v - reach, v + reach])], w: W});
const trace = (size, ...found) => ({size, detections: found.map(([name, score], number) => ({number, name, score})),
  history: (number) => history(found[number][2], found[number][3])});
const seen = (d) => d.score >= 0.5;
const first = trace([100, 50], ['cup', 0.9, [10, 10, 30, 30], 1], ['key', 0.8, [50, 10, 60, 20], 2], ['bus', 0.2, [0, 0, 9, 9], 1]);
const second = trace([200, 100], ['hat', 0.7, [18, 20, 64, 60], 4], ['bus', 0.6, [0, 0, 18, 18], 3], ['key', 0.1, [0, 0, 1, 1], 1]);

test('two empty looks have nothing in common', () => {
  assert.deepEqual(rows(trace([1, 1]), trace([1, 1]), [], seen), []);
  assert.equal(told([], first, second, seen, String), 'Neither look finds anything above the threshold.');
});

test('moves are outward, and in pixels of the first picture', () => {
  const {moved, spreads} = change(first.history(0), second.history(0), scale(first, second));
  assert.deepEqual(moved.map((v) => v + 0), [1, 0, 2, 0]); // −0 is 0
  assert.deepEqual(spreads, [[2, 2, 2, 2], [4, 4, 4, 4]]);
});

test('pairs that either look is sure of come first, then what is gone, then what is new', () => {
  const all = rows(first, second, [[0, 0, 0.8], [2, 1, 0.9]], seen);
  assert.deepEqual(all.map((r) => [r.before, r.after]), [[0, 0], [2, 1], [1, null]]);
  const words = told(all, first, second, seen, String);
  assert.match(words, /^1 of 2 objects is found again; 1 is new\. 1 changes its class\./);
  assert.match(words, /2 times as long as before/);
  assert.deepEqual(rows(first, second, [], seen).map((r) => [r.before, r.after]), [[0, null], [1, null], [null, 0], [null, 1]]);
});

test('edges that are still on their way are left out, and the rest is told', () => {
  const early = {...first, history: (number) => (number === 0 ? null : first.history(number))};
  const all = rows(early, second, [[0, 0, 0.8], [2, 1, 0.9]], seen);
  assert.deepEqual(all.map((r) => [r.before, r.after, Boolean(r.moved)]), [[0, 0, false], [2, 1, true], [1, null, false]]);
  assert.match(told(all, early, second, seen, String), /^1 of 2 objects is found again; 1 is new\. 1 changes its class\.$/);
});

test('what is found again, or is not, is called by how many it is', () => {
  const same = (count) => Array.from({length: count}, (_, i) => ['cup', 0.9, [10 * i, 10, 10 * i + 8, 30], 1]);
  for (const [count, words] of [[1, 'The object is'], [2, 'Both objects are'], [3, 'All 3 objects are']]) {
    const one = trace([100, 50], ...same(count)), pairs = same(count).map((_, i) => [i, i, 1]);
    assert.ok(told(rows(one, one, pairs, seen), one, one, seen, String).startsWith(`${words} found again; none are new.`));
    const lost = told(rows(one, trace([1, 1]), [], seen), one, trace([1, 1]), seen, String);
    assert.equal(lost, `${count === 1 ? 'The object is not' : `None of ${count} objects is`} found again; none are new.`);
  }
});
