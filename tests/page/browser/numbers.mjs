// Prints what the browser's modules read off the answer in a file: for the test that holds them to Python's numbers.
import {readFileSync} from 'node:fs';
import {Trace} from '../../../dfine/page/browser/trace.js';
import {written} from '../../../dfine/page/browser/sum.js';
import {describe, sureness} from '../../../dfine/page/browser/words.js';

const trace = new Trace(JSON.parse(readFileSync(process.argv[2], 'utf8')));
const told = trace.detections.map(({number, box, score, name, query}) => {
  const h = trace.history(number), stages = h.boxes.map((_, stage) => stage);
  const sums = stages.slice(1).map((layer) => h.edges.map((_, k) => {
    const sum = written(h, k, layer);
    return [sum.offset, sum.shift, sum.place].map(Number);
  }));
  return {
    box, score, name, query, sums, title: h.title, words: describe(h), sure: sureness(h), boxes: h.boxes, scores: h.scores,
    before: h.scoresBefore, offsets: h.offsets, intervals: h.intervals, deviations: h.deviations, shifts: h.shifts,
    ious: h.ious, moments: stages.map((stage) => h.moment(stage).box),
    edges: h.offsets.map((row) => row.map((offset, k) => h.at(k, offset))),
    entropies: h.offsets.map((row, i) => row.map((_, k) => h.entropy(i + 1, k))),
    added: h.added.map((layer) => layer.map((edge) => [...edge])), peaks: h.p.map((_, i) => h.peaks(i + 1)), quality: h.quality,
    cell: trace.cell(h.token), other: h.reweighted(0.5, 0.125).boxes.at(-1),
  };
});
process.stdout.write(JSON.stringify(told));
