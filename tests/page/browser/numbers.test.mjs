import assert from 'node:assert/strict';
import {test} from 'node:test';
import {coarse, escaped, fixed, number, roundUp, signed} from '../../../dfine/page/browser/format.js';
import {Decimal} from '../../../dfine/page/browser/sum.js';

test('numbers are written as the figures write them', () => {
  assert.deepEqual([123.4, 12.34, 0.451, 0.004].map(number), ['123', '12.3', '0.45', '0']);
  assert.deepEqual([-0.449, 2, -0.001].map((v) => signed(v, ' px')), ['−0.45 px', '+2.00 px', '0 px']);
  assert.deepEqual([-0.04, -0.06, 3].map((v) => fixed(v)), ['0.0', '−0.1', '3.0']);
  assert.deepEqual([0, 12.3, -4.96, 3].map(coarse), ['0', '+12', '−5', '+3']);
  assert.equal(escaped('<b>"&\''), '&lt;b&gt;&quot;&amp;&#39;');
});

test('an axis ends at a number of which a half is round, too', () => {
  assert.deepEqual([0.105, 0.2, 0.55, 0.61, 0.99].map(roundUp), [0.2, 0.2, 0.6, 0.8, 1]);
  assert.deepEqual([1.01, 2.6, 8.2, 12, 97, 101].map(roundUp), [2, 4, 10, 20, 100, 200]);
});

test('decimals are exact', () => {
  const a = Decimal.of(-0.019, 3), b = Decimal.of(0.25, 3);
  assert.equal(String(a.times(b)), '−0.004750');
  assert.equal(String(a.times(b).rounded(4)), '−0.0048');
  assert.equal(a.plus(b).signed, '+0.231');
  assert.equal(new Decimal(0n, 2).signed, '0.00');
  assert.equal(String(new Decimal(5n, 1).plus(Decimal.of(1, 0))), '1.5');
  assert.equal(Decimal.of(12.3456, 3).valueOf(), 12.346);
});
