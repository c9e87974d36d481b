/** What the page says in sentences; of one object the same as `dfine/figures/words.py`. */
import {number} from './format.js';
import {inSight, nearest} from './state.js';

/** @typedef {import('./trace.js').History} History */

/** One object in two plain sentences: how its box came about, how sure each edge is. @param {History} h */
export function describe(h) {
  const box = h.boxes[h.layers].map((v, k) => Math.min(Math.max(v, 0), h.size[k % 2]));
  const [x1, y1, x2, y2] = box.map((v) => Math.round(v));
  return `${(h.name[0] ?? '').toUpperCase()}${h.name.slice(1)}, score ${h.scores[h.layers].toFixed(2)}, from (${x1}, ${y1}) `
    + `to (${x2}, ${y2}) in a picture of ${h.size[0]} by ${h.size[1]} pixels; ${moves(h)}. ${certainty(h)}.`;
}

function moves(h) {
  let amount = 0, layer = 0, edge = 0;
  h.shifts.forEach((row, i) => row.forEach((v, k) => {
    if (Math.abs(v) > Math.abs(amount)) [amount, layer, edge] = [v, i, k];
  }));
  const start = h.ious[0].toFixed(2), stages = h.layers === 1 ? 'the one layer' : `${h.layers} layers`;
  if (Math.abs(amount) < 0.5)
    return `its initial box was kept, no edge moved by half a pixel in ${stages} (IoU with the final box ${start})`;
  return `its initial box overlapped the final one with IoU ${start}, and the largest move in ${stages} was that of the `
    + `${h.edges[edge]} edge in ${layerName(layer + 1)}, ${number(Math.abs(amount))} px ${amount > 0 ? 'outward' : 'inward'}`;
}

function certainty(h) {
  const lengths = h.intervals[h.layers - 1].map(([low, high]) => high - low);
  const best = lengths.indexOf(Math.min(...lengths)), worst = lengths.indexOf(Math.max(...lengths));
  if (best === worst)
    return `Each edge lies with 80 % probability within ${number(lengths[0])} px (${h.calibration})`;
  return `Its surest edge is the ${h.edges[best]} one, with 80 % of its probability within ${number(lengths[best])} px, `
    + `its least sure the ${h.edges[worst]} one, within ${number(lengths[worst])} px (${h.calibration})`;
}

const CONTRAST = 2.5;  // as in `dfine/figures/words.py`

/** How sure the last layer is of the four edges, for the first look. @param {History} h */
export function sureness(h) {
  const lengths = h.intervals[h.layers - 1].map(([low, high]) => high - low);
  const order = [0, 1, 2, 3].sort((a, b) => lengths[a] - lengths[b]);
  const steps = [0, 1, 2].map((i) => lengths[order[i + 1]] / Math.max(lengths[order[i]], 1));
  const step = steps.indexOf(Math.max(...steps)), said = (edge) => `${number(lengths[edge])} px`;
  if (steps[step] < CONTRAST) {
    const [shortest, longest] = [number(lengths[order[0]]), number(lengths[order[3]])];
    if (lengths[order[3]] >= CONTRAST * Math.max(lengths[order[0]], 1))
      return `Surest of the ${h.edges[order[0]]} edge, within ${shortest} px, and least of the ${h.edges[order[3]]} one, within ${longest} px.`;
    const within = shortest === longest ? `${longest} px` : `${shortest} to ${longest} px`;
    return `About equally sure of all four edges: each lies within ${within}.`;
  }
  const unsure = order.slice(step + 1).sort();
  const which = step ? `${['two', 'three'][step - 1]} edges` : `the ${h.edges[order[0]]} edge`;
  return `Sure of ${which}, within ${said(order[step])}. The ${listed(unsure.map((edge) => h.edges[edge]))} `
    + `edge${unsure.length > 1 ? 's' : ''} could lie anywhere within ${listed(unsure.map(said))}.`;
}

function listed(words) {
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1)}` : words[0];
}

/** What stages are called, as in `dfine/trace/stages.py`. @param {number} number from 1 */
export const layerName = (number) => `layer ${number}`;
/** @param {number} stage 0 the initial box */
export const stageName = (stage) => (stage ? layerName(stage) : 'initial');
/** In a sentence or over a picture. @param {number} stage 0 the initial box */
export const named = (stage) => (stage ? layerName(stage) : 'initial box');

/**
 * What was found, in a few sentences; where nothing was, what could have been.
 * @param {import('./trace.js').Detection[]} seen
 * @param {import('./state.js').State} state
 * @param {{caption?: string, seconds: number, notes: string[], known: string, mistaken?: string}} told what the server said of the picture
 */
export function summary(seen, state, {caption = '', seconds, notes, known, mistaken = ''}) {
  const {threshold, classes, trace, top} = state, all = top === null ? 0 : inSight({...state, top: null}).length;
  const queries = new Set(seen.map((d) => d.query)).size, count = seen.length;
  let what = count ? `${count} object${count === 1 ? '' : 's'}` : 'Nothing';
  if (queries < count) what = `${count} detections by ${queries} quer${queries === 1 ? 'y' : 'ies'}`;
  if (count < all) what += ` (the best of ${all})`;
  const of = classes.length ? ' of the classes that you chose' : '';
  const said = [...(caption ? [caption] : []), `${what}${of} with a score of at least ${threshold.toFixed(2)}, in ${trace.size.join(' × ')} pixels, `
    + `${seconds.toFixed(2)}\u00a0s.`, ...notes];
  if (count) return [...said, ...(mistaken ? [mistaken] : []), 'Click a box, a row, or a place where nothing was found.'].join(' ');
  const near = nearest(state);
  said.push(near ? `Best guess: ${near.name} ${near.score.toFixed(2)}.` : 'A lower threshold shows nothing either.');
  if (of) said.push('Or choose other classes.');
  return [...said, ...(of ? [] : [known])].join(' ');
}
