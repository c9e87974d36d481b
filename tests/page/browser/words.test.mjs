import assert from 'node:assert/strict';
import {test} from 'node:test';
import {START} from '../../../dfine/page/browser/state.js';
import {layerName, named, stageName, summary} from '../../../dfine/page/browser/words.js';

const state = {...START, trace: {size: [640, 480]}};
const told = {seconds: 0.123, notes: ['A note.'], known: 'The model knows cats.'};
const seen = (...queries) => queries.map((query) => ({query}));

test('nothing in sight is told with what the model knows', () => {
  assert.equal(summary([], state, told), 'Nothing with a score of at least 0.50, in 640 × 480 pixels, 0.12\u00a0s. A note. '
    + 'A lower threshold shows nothing either. The model knows cats.');
});

test('where nothing is in sight, what came nearest is named', () => {
  const trace = {...state.trace, detections: [{score: 0.384, name: 'dog'}, {score: 0.2, name: 'cat'}]};
  assert.match(summary([], {...state, trace}, told), /A note\. Best guess: dog 0\.38\. The model knows cats/);
  assert.match(summary([], {...state, trace, classes: ['cat']}, told), /Best guess: cat 0\.20\. Or choose other classes\.$/);
});

test('where something is found, it is told what it may be mistaken for, and only there', () => {
  const few = {...told, mistaken: 'Others it may take for one of them.'};
  assert.match(summary(seen(4), state, few), /A note\. Others it may take for one of them\. Click a box/);
  assert.doesNotMatch(summary([], state, few), /may take/);
});

test('where classes are narrow, they are what is said', () => {
  const said = summary([], {...state, classes: ['dog']}, told);
  assert.match(said, /^Nothing of the classes that you chose with/);
  assert.match(said, /A lower threshold shows nothing either\. Or choose other classes\.$/);
  assert.doesNotMatch(said, /knows cats/);
});

test('objects are counted; several detections by one query are not several objects', () => {
  assert.match(summary(seen(4), state, told), /^1 object with a score of at least 0\.50/);
  assert.match(summary(seen(4, 2), state, told), /^2 objects with/);
  assert.match(summary(seen(4, 2, 4), state, told), /^3 detections by 2 queries with/);
  assert.match(summary(seen(4, 4), state, told), /^2 detections by 1 query with/);
});

test('where only so many are in sight, it is said of how many', () => {
  const trace = {...state.trace, detections: [0.9, 0.8, 0.6, 0.3].map((score) => ({score, name: 'dog'}))};
  const said = (more) => summary(seen(4), {...state, trace, ...more}, told);
  assert.match(said({top: 1}), /^1 object \(the best of 3\) with a score of at least 0\.50/);
  assert.match(said({top: 1, threshold: 0.85}), /^1 object with/);
  assert.match(said({top: null}), /^1 object with/);
});

test('a caption comes first', () => {
  assert.match(summary(seen(1), state, {...told, caption: 'Look at the heart.'}), /^Look at the heart\. 1 object with/);
});

test('stages are called as in Python', () => {
  assert.deepEqual([0, 1, 12].map(stageName), ['initial', 'layer 1', 'layer 12']);
  assert.deepEqual([0, 1].map(named), ['initial box', 'layer 1']);
  assert.equal(layerName(3), 'layer 3');
});
