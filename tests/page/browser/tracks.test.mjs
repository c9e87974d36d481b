import assert from 'node:assert/strict';
import {test} from 'node:test';
import {at, extent, lines} from '../../../dfine/page/browser/tracks.js';

const track = {times: [1, 1.1, 1.2, 2, 2.1], spreads: [[1, 2, 3, 4], [2, 2, 3, 4], [3, 2, 3, 4], [1, 2, 3, 34], [1, 2, 3, 4]]};

test('a track lies between its first and last time, below a round number', () => {
  assert.deepEqual(extent(track), {times: [1, 2.1], most: 50});
  assert.deepEqual(extent({times: [3], spreads: [[0, 0, 0, 0]]}), {times: [3, 3], most: 1});
});

test('lines are broken where the track was out of sight', () => {
  const [left, , , bottom] = lines(track, (t) => 10 * t, (v) => v);
  assert.equal(left, 'M10.0 1.0L11.0 2.0L12.0 3.0M20.0 1.0L21.0 1.0');
  assert.equal(bottom.match(/M/g).length, 2);
});

test('a frame without a neighbour is drawn, too', () => {
  const one = {times: [3], spreads: [[1, 2, 3, 4]]}, apart = {times: [1, 1.1, 1.2, 5], spreads: Array(4).fill([1, 1, 1, 1])};
  assert.equal(lines(one, (t) => 10 * t, (v) => v)[0], 'M28.0 1.0h4');
  assert.match(lines(apart, (t) => 10 * t, (v) => v)[0], /L12\.0 1\.0M48\.0 1\.0h4$/);
});

test('the frame at a time is the last before it, and none where the track is out of sight', () => {
  assert.deepEqual([0.9, 1, 1.15, 1.3, 1.7, 2.05, 9].map((now) => at(track.times, now)), [null, 0, 1, 2, null, 3, null]);
});
