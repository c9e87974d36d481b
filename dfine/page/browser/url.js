/**
 * The state as it stands behind the # of the address, and back: example, model, object, edge, layer, tab, threshold,
 * classes, how many objects are in sight at most, present mode, W(n), edited Pr(n), what the picture is compared with,
 * and how it is spoiled. Whoever opens a copied link may have been sent anything, so that every value is checked.
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
 * @property {number} [top]
 * @property {boolean} [present]
 * @property {?{a: number, c: number}} [lab]
 * @property {import('./state.js').State['hand']} [hand]
 * @property {?{model: string, picture: string, way: string, amount: number}} [second]
 * @property {?{way: string, amount: number, patch: ?number[]}} [spoil]
 */

export const OWN = 'own'; // the second picture that a visitor has uploaded, which is in no link either
const EDGES = ['left', 'top', 'right', 'bottom'];
const whole = (text) => (/^\d{1,5}$/.test(text ?? '') ? Number(text) : undefined);
const within = (text, low, high) => {
  const value = Number(text);
  return text && Number.isFinite(value) && value >= low && value <= high ? value : undefined;
};
// Pr(n) as the square root of each bin's part of the highest: two digits to the base 36 a bin.
const FINEST = 36 ** 2 - 1;
const packed = (p) => {
  const top = Math.max(...p);
  return p.map((v) => Math.round(FINEST * Math.sqrt(v / top)).toString(36).padStart(2, '0')).join('');
};
function unpacked(text) {
  if (!/^(?:[0-9a-z]{2}){5,257}$/.test(text)) return null;
  const p = text.match(/../g).map((two) => (parseInt(two, 36) / FINEST) ** 2), sum = p.reduce((a, b) => a + b);
  return sum > 0 ? p.map((v) => v / sum) : null;
}
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
  if (state.top !== null) parts.set('most', String(state.top));
  if (state.present) parts.set('present', '1');
  if (state.lab) {
    parts.set('a', short(state.lab.a));
    parts.set('c', short(state.lab.c));
  }
  for (const [k, p] of Object.entries(state.hand?.edges ?? {})) parts.set(`pr-${EDGES[k]}`, packed(p));
  if (state.second && state.second.picture !== OWN) {
    const {amount, ...words} = state.second;
    for (const [key, value] of Object.entries(words)) parts.set(`second-${key}`, value);
    parts.set('second-amount', short(amount));
  }
  if (state.spoil) {
    const {way, amount, patch} = state.spoil;
    parts.set('spoil', way);
    parts.set('amount', short(amount));
    if (patch) parts.set('patch', patch.map(Math.round).join(' '));
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
  put('present', parts.get('present') === '1' || undefined);
  put('top', whole(parts.get('most')) || undefined);
  if (parts.has('class')) link.classes = parts.getAll('class').slice(0, 50);
  const a = within(parts.get('a'), 0.01, 10), c = within(parts.get('c'), 0.001, 100);
  if (a && c) link.lab = {a, c};
  const edges = {};
  EDGES.forEach((name, k) => {
    const p = unpacked(parts.get(`pr-${name}`) ?? '');
    if (p) edges[k] = p;
  });
  if (Object.keys(edges).length && 'object' in link) link.hand = {object: link.object, edges};
  const amount = within(parts.get('second-amount'), 0, 1);
  if (amount !== undefined) {
    const word = (key) => (parts.get(`second-${key}`) ?? '').slice(0, 200);
    link.second = {model: word('model'), picture: word('picture'), way: word('way'), amount};
  }
  const turned = within(parts.get('amount'), 0, 1), way = parts.get('spoil') ?? '';
  if (turned !== undefined && /^[a-z]{1,20}$/.test(way)) {
    const corners = (parts.get('patch') ?? '').split(' ').map(whole);
    link.spoil = {way, amount: turned, patch: corners.length === 4 && !corners.includes(undefined) ? corners : null};
  }
  return link;
}
