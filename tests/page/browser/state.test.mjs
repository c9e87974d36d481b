import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Store, inSight, nearest} from '../../../dfine/page/browser/state.js';

const detections = [[0.9, 'cat'], [0.7, 'dog'], [0.6, 'cat'], [0.1, 'dog']].map(([score, name], number) =>
  ({number, score: Math.fround(score), name}));
const trace = {layers: 3, detections};

test('no picture has nothing in sight and nothing chosen', () => {
  const store = new Store();
  store.set({object: 3, layer: 9});
  assert.deepEqual(inSight(store.state), []);
  assert.equal(store.state.object, null);
  assert.equal(store.state.layer, 0);
});

test('settings select, and what goes out of sight gives way to the best', () => {
  const store = new Store();
  store.set({trace});
  assert.equal(store.state.object, 0);
  store.set({object: 2});
  store.set({threshold: 0.65});
  assert.deepEqual(inSight(store.state).map((d) => d.number), [0, 1]);
  assert.equal(store.state.object, 0);
  store.set({threshold: 0.05, classes: ['dog'], top: 1});
  assert.deepEqual(inSight(store.state).map((d) => d.number), [1]);
  assert.equal(store.state.object, 1);
  store.set({threshold: 0.95});
  assert.equal(store.state.object, null);
});

test('what the threshold hides is named where nothing is in sight, with a threshold that shows it', () => {
  const store = new Store();
  assert.equal(nearest(store.state), null);
  store.set({trace});
  assert.equal(nearest(store.state), null, 'something is in sight');
  store.set({threshold: 0.95, classes: ['dog']});
  const {name, threshold} = nearest(store.state);
  assert.equal(name, 'dog');
  store.set({threshold});
  assert.deepEqual(inSight(store.state).map((d) => d.number), [1]);
  assert.equal(nearest({...store.state, trace: {layers: 3, detections: []}}), null, 'there is no guess');
});

test('a score that is the threshold is in sight', () => {
  const store = new Store();
  store.set({trace, threshold: 0.1});
  assert.equal(inSight(store.state).length, 4);
});

test('who listens is told what changed, once, and of nothing that did not', () => {
  const store = new Store(), told = [];
  const stop = store.subscribe((_, changed) => told.push([...changed].sort()));
  store.set({trace});
  store.set({threshold: 0.5, classes: []});
  store.set({edge: 2, bin: 5});
  stop();
  store.set({edge: 3});
  assert.deepEqual(told, [['object', 'trace'], ['bin', 'edge']]);
});

test('decisions can be taken back, one by one; where the pointer was cannot', () => {
  const store = new Store();
  store.set({trace});
  assert.equal(store.canUndo, false);
  store.set({object: 1});
  store.set({over: 2, bin: 7});
  store.set({threshold: 0.8});
  assert.equal(store.state.object, 0);
  store.undo();
  assert.deepEqual([store.state.threshold, store.state.object], [0.5, 1]);
  store.undo();
  assert.deepEqual([store.state.object, store.state.bin, store.canUndo], [0, 7, false]);
  store.undo();
  assert.equal(store.state.object, 0);
});

test('a new picture cannot be undone', () => {
  const store = new Store();
  store.set({trace});
  store.set({object: 1});
  store.set({trace: {...trace}});
  assert.equal(store.canUndo, false);
});

test('constants that make no W(n) are not taken', () => {
  const store = new Store();
  store.set({trace, lab: {a: -1, c: 0.25}});
  assert.equal(store.state.lab, null);
});

test('Pr(n) that were edited belong to one object, and to a network of as many bins', () => {
  const p = [0.1, 0.2, 0.4, 0.2, 0.1], store = new Store();
  store.set({trace: {...trace, w: p}});
  store.set({object: 1, hand: {object: 1, edges: {3: p}}});
  assert.deepEqual(store.state.hand.edges[3], p);
  store.set({object: 2});
  assert.equal(store.state.hand, null);
  for (const edges of [{}, {4: p}, {0: [1]}, {0: [2, -1, 0, 0, 0]}, {0: [NaN, 0, 0, 0, 1]}]) {
    store.set({hand: {object: 2, edges}});
    assert.equal(store.state.hand, null);
  }
});
