/**
 * The state as it stands behind the # of the address, and back: example, model, object, edge, layer, tab, threshold,
 * classes and W(n). Whoever opens a copied link may have been sent anything, so that every value is checked.
 */

/**
 * @typedef {object} Link
 * @property {string} [example] the name of an example; an uploaded picture cannot be in a link
 * @property {string} [model]
 * @property {number} [object]
 * @property {number} [edge]
 * @property {number} [layer]
 * @property {string} [tab]
 * @property {number} [threshold]
 * @property {string[]} [classes]
 * @property {?{a: number, c: number}} [lab]
 */

const EDGES = ['left', 'top', 'right', 'bottom'];
const whole = (text) => (/^\d{1,4}$/.test(text ?? '') ? Number(text) : undefined);
const within = (text, low, high) => {
  const value = Number(text);
  return text && Number.isFinite(value) && value >= low && value <= high ? value : undefined;
};
const short = (value) => String(Number(value.toFixed(4)));

/**
 * @param {import('./state.js').State} state
 * @param {{example?: string, model?: string}} source
 * @returns {string} with its #; objects are counted from 1, as in the list
 */
export function toHash(state, {example = '', model = ''}) {
  const parts = new URLSearchParams();
  if (example) parts.set('example', example);
  if (example && model) parts.set('model', model);
  if (state.object !== null) parts.set('object', String(state.object + 1));
  parts.set('edge', EDGES[state.edge]);
  parts.set('layer', String(Math.round(state.layer)));
  parts.set('tab', state.tab);
  parts.set('threshold', short(state.threshold));
  for (const name of state.classes) parts.append('class', name);
  if (state.lab) {
    parts.set('a', short(state.lab.a));
    parts.set('c', short(state.lab.c));
  }
  return `#${parts}`;
}

/** @param {string} hash @param {string[]} tabs the keys that there are @returns {Link} what is there and allowed */
export function fromHash(hash, tabs) {
  const parts = new URLSearchParams(hash.replace(/^#/, '')), link = {};
  const put = (key, value) => value !== undefined && (link[key] = value);
  for (const key of ['example', 'model']) put(key, parts.get(key)?.slice(0, 200) || undefined);
  const object = whole(parts.get('object'));
  put('object', object ? object - 1 : undefined);
  const edge = EDGES.indexOf(parts.get('edge'));
  put('edge', edge < 0 ? undefined : edge);
  put('layer', whole(parts.get('layer')));
  put('tab', tabs.includes(parts.get('tab')) ? parts.get('tab') : undefined);
  put('threshold', within(parts.get('threshold'), 0.05, 0.95));
  if (parts.has('class')) link.classes = parts.getAll('class').slice(0, 50);
  const a = within(parts.get('a'), 0.01, 10), c = within(parts.get('c'), 0.001, 100);
  if (a && c) link.lab = {a, c};
  return link;
}
