/** One track of a video over time: `times` [n] in seconds, `spreads` [n][4] in pixels. */

const GAP = 2.5; // times the usual step: where a track was out of sight for longer, its lines are broken
const DASH = 4; // units of the path, which a frame without a neighbour is drawn with: a line of one point is none

/** The times between which a track was seen, and a round number that all of its spreads lie below. */
export function extent({times, spreads}) {
  const most = Math.max(...spreads.flat(), 1), unit = 10 ** Math.floor(Math.log10(most));
  return {times: [times[0], times.at(-1)], most: [1, 2, 5, 10].map((k) => k * unit).find((v) => v >= most)};
}

/** The usual time between two frames in which a track was seen. */
function step(times) {
  const steps = times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

/** One line an edge, in the language of SVG's paths. @returns {string[]} */
export function lines({times, spreads}, x, y) {
  const gap = GAP * step(times), joined = (i) => i > 0 && i < times.length && times[i] - times[i - 1] <= gap;
  return [0, 1, 2, 3].map((k) => times.map((t, i) => {
    const alone = !joined(i) && !joined(i + 1), from = x(t) - (alone ? DASH / 2 : 0);
    return `${joined(i) ? 'L' : 'M'}${from.toFixed(1)} ${y(spreads[i][k]).toFixed(1)}${alone ? `h${DASH}` : ''}`;
  }).join(''));
}

/** Which of the frames is shown at a time; null where the track is out of sight. @returns {?number} */
export function at(times, now) {
  const near = Math.max(GAP * step(times), 0.02);
  let best = null;
  times.forEach((t, i) => {
    if (t <= now + 1e-3 && now - t <= near) best = i;
  });
  return best;
}
