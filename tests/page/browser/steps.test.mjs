import assert from 'node:assert/strict';
import {test} from 'node:test';
import {weighting} from '../../../dfine/page/browser/distribution.js';
import {inWords, steps} from '../../../dfine/page/browser/steps.js';

const w = weighting(6, 0.5, 0.25); // 0, 0.183, 0.5, and 1 as an escape

test('steps are fine up to a pixel, in whatever size of box', () => {
  const small = steps(w, 2), middle = steps(w, -4), large = steps(w, 100);
  assert.deepEqual([small.fine, small.reach], [1, 1]);
  assert.ok(Math.abs(middle.fine - 4 * w[4]) < 1e-9 && Math.abs(middle.coarsest - 4 * (w[5] - w[4])) < 1e-9);
  assert.deepEqual([large.fine, large.reach], [0, 50]);
});

test('the words say which corrections are fine and which coarse', () => {
  assert.match(inWords('left', steps(w, 2)), /^The left edge moves in fine steps, of 0\.37 to 0\.63 px, up to ±1\.00 px;/);
  assert.match(inWords('top', steps(w, 4)), /^Corrections of the top edge up to ±0\.73 px are fine, .* grow to 1\.27 px/);
  assert.match(inWords('right', steps(w, 100)), /^The right edge moves in steps of 18\.3 px at the finest; further out they grow/);
});
