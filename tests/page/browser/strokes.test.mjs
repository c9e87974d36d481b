import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Strokes, outline} from '../../../dfine/page/browser/strokes.js';

const PEN = {colour: '#000', width: 3};
const drawn = (strokes, ...points) => {
  strokes.begin(points[0], PEN);
  points.slice(1).forEach((p) => strokes.extend(p));
  return strokes.end();
};

test('an empty sheet has nothing to take back, and a pen that was not down draws nothing', () => {
  const strokes = new Strokes();
  assert.equal(strokes.extend([1, 1]), false);
  assert.equal(strokes.end(), false);
  strokes.clear();
  strokes.undo();
  assert.deepEqual([strokes.all, strokes.canUndo], [[], false]);
});

test('strokes and clearing are taken back one by one', () => {
  const strokes = new Strokes();
  assert.ok(drawn(strokes, [0, 0], [9, 9]));
  assert.ok(drawn(strokes, [5, 5]));
  strokes.clear();
  assert.equal(strokes.all.length, 0);
  strokes.undo();
  assert.equal(strokes.all.length, 2);
  strokes.undo();
  assert.deepEqual(strokes.all, [{points: [[0, 0], [9, 9]], ...PEN}]);
  strokes.undo();
  assert.deepEqual([strokes.all.length, strokes.canUndo], [0, false]);
});

test('points that are too near add nothing', () => {
  const strokes = new Strokes();
  drawn(strokes, [0, 0], [1, 0], [2, 0], [2.5, 0]);
  assert.deepEqual(strokes.all[0].points, [[0, 0], [2, 0]]);
});

test('an outline begins at the first point, ends at the last, and a point is a dot', () => {
  assert.equal(outline([[1, 2]]), 'M1.0 2.0l0.1 0');
  assert.equal(outline([[0, 0], [4, 2]]), 'M0.0 0.0L4.0 2.0');
  assert.equal(outline([[0, 0], [4, 0], [4, 4]]), 'M0.0 0.0Q4.0 0.0 4.0 2.0L4.0 4.0');
});
