import assert from 'node:assert/strict';
import {test} from 'node:test';
import {START} from '../../../dfine/page/browser/state.js';
import {fromHash, toHash} from '../../../dfine/page/browser/url.js';

const TABS = ['shape', 'edge', 'lab'];

test('an empty address says nothing', () => {
  for (const hash of ['', '#', '#nonsense', '#a=b&c=d']) assert.deepEqual(fromHash(hash, TABS), {});
});

test('what was written is read', () => {
  const state = {...START, object: 2, edge: 3, layer: 1.999, tab: 'edge', threshold: 0.35, classes: ['a & b', 'ü'],
    lab: {a: 0.5, c: 0.125}};
  const link = fromHash(toHash(state, {example: '4-occlusion', model: 'demo'}), TABS);
  assert.deepEqual(link, {example: '4-occlusion', model: 'demo', object: 2, edge: 3, layer: 2, tab: 'edge',
    threshold: 0.35, classes: ['a & b', 'ü'], lab: {a: 0.5, c: 0.125}});
});

test('how many objects are in sight at most is in the link, where it is set', () => {
  assert.equal(fromHash(toHash({...START, tab: 'shape', top: 3}, {}), TABS).top, 3);
  for (const hash of [toHash({...START, tab: 'shape'}, {}), '#most=0', '#most=-1', '#most=2.5', '#most=all'])
    assert.equal('top' in fromHash(hash, TABS), false);
});

test('an uploaded picture is in no link, and neither is the model that looked at it', () => {
  const link = fromHash(toHash({...START, tab: 'shape', object: 0}, {model: 'demo'}), TABS);
  assert.equal(link.example, undefined);
  assert.equal(link.model, undefined);
});

test('what others put into a link is checked', () => {
  const bad = '#object=0&edge=inside&layer=-1&tab=__proto__&threshold=7&a=0&c=Infinity&object=x';
  assert.deepEqual(fromHash(bad, TABS), {});
  assert.equal(fromHash(`#example=${'x'.repeat(9999)}`, TABS).example.length, 200);
});

test('Pr(n) that were edited come back as they were, and nothing else does', () => {
  const p = [0.1, 0.2, 0.4, 0.2995, 0.0005], state = {...START, object: 1, tab: 'lab', hand: {object: 1, edges: {2: p}}};
  const {hand} = fromHash(toHash(state, {}), TABS);
  assert.equal(hand.object, 1);
  assert.deepEqual(Object.keys(hand.edges), ['2']);
  hand.edges[2].forEach((v, n) => assert.ok(Math.abs(v - p[n]) < 1e-3));
  for (const bad of ['', '0', 'zz', '0000000000', 'zzzzzzzzz!', 'Z'.repeat(66), 'z'.repeat(9999)])
    assert.equal(fromHash(`#object=2&pr-left=${bad}`, TABS).hand, undefined);
});

test('how the picture is spoiled is in the link', () => {
  for (const spoil of [{way: 'blur', amount: 0.4, patch: null}, {way: 'patch', amount: 1, patch: [0, 12, 300, 99]}])
    assert.deepEqual(fromHash(toHash({...START, tab: 'shape', spoil}, {}), TABS).spoil, spoil);
  for (const bad of ['spoil=blur&amount=7', 'spoil=<x>&amount=0.5', 'spoil=&amount=0.5', 'spoil=blur'])
    assert.equal(fromHash(`#${bad}`, TABS).spoil, undefined);
  assert.equal(fromHash('#spoil=patch&amount=1&patch=1 2 3', TABS).spoil.patch, null);
});

test('what a picture is compared with is in the link, unless it is an uploaded one', () => {
  const second = {model: 'demo', picture: '', way: 'blur', amount: 0.25}, state = {...START, tab: 'shape', second};
  assert.deepEqual(fromHash(toHash(state, {}), TABS).second, second);
  assert.equal(fromHash(toHash({...state, second: {...second, picture: 'own'}}, {}), TABS).second, undefined);
  assert.equal(fromHash('#second-way=blur&second-amount=7', TABS).second, undefined);
});
