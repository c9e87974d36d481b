/**
 * Puts the page together: every component that the server mounts becomes a view of the one state, and what only the
 * server can do is asked of it, once the visitor has come to rest.
 */
import {Store, inSight, read, settled} from './state.js';
import {Trace} from './trace.js';
import {fromHash, toHash} from './url.js';
import {closeup} from './closeup.js';
import {compare} from './compare.js';
import {edge} from './edge.js';
import {filters} from './filters.js';
import {headline} from './headline.js';
import {lab} from './lab.js';
import {layers} from './layers.js';
import {arranging, returning} from './narrow.js';
import {dismissing} from './notices.js';
import {panels} from './bars.js';
import {picture} from './picture.js';
import {sketch} from './sketch.js';
import {spoiled} from './spoiled.js';
import {status} from './status.js';
import {table} from './table.js';
import {tabs} from './tabs.js';
import {thumbnails} from './thumbnails.js';
import {video} from './video.js';

/**
 * @typedef {object} Hub what Gradio hands to a component's script
 * @property {string} name of the component; a view that is a tab has the tab's key as its name
 * @property {HTMLElement} element
 * @property {(event: string, data?: object) => void} trigger
 * @property {{value: any}} props
 * @property {(name: string, told: () => void) => void} watch
 */
/**
 * @typedef {object} Page what the views share
 * @property {Store} store
 * @property {object} told what the server said of the picture: `picture`, its file's `name`, `example`, `seconds`, `notes`, `known`,
 *   `mistaken`; or why there is none, as `sentence`
 * @property {boolean} lost whether this window showed a picture of the visitor's own before it was loaded again; where an example
 *   comes in its place, it is not kept any longer
 * @property {() => void} again draws the open tab once more, where the server draws it
 * @property {(point: number[]) => void} ask about a place of the picture, in its pixels
 * @property {string[]} keys of the tabs, in their order
 * @property {string} asks the key of the tab that says what is at such a place
 */
/** @typedef {(state: import('./state.js').State, changed: Set<string>) => void} Draw */

/** The views by the names of their components. @type {Record<string, (hub: Hub, page: Page) => Draw>} */
const VIEWS = {
  scene: picture, object: closeup, objects: table, filters, status, headline, tabs, thumbnails, edge, layers, lab,
  compare, sketch, video, spoiled,
  shape: (hub, page) => panels(hub, page, false), weighted: (hub, page) => panels(hub, page, true),
};
const FLEETING = ['layer', 'over', 'bin']; // these change while layers play and the pointer moves
const PATIENCE = 30000; // milliseconds after which a link that the server does not follow is given up
const QUIET = 300; // milliseconds after which a visitor has come to rest
const SENT = ['object', 'threshold', 'classes', 'top', 'tab']; // what the server draws by

const store = new Store();
/** @type {Page} */
const page = {store, told: {sentence: ''}, lost: Boolean(kept()), ask, again, keys: [], asks: ''};
/** @type {Map<string, Draw>} */
const drawn = new Map();
let early = null; // an answer that came before the row of tabs, which knows what the address asks for
let setting = null, dirty = new Set(), link = null, rest = 0, last = '', wanted = new Set();
let step = false; // whether what changed since the visitor last rested is a step that Back takes back
const served = new Map(); // what the server drew a tab by, the last time

/**
 * A component is there.
 * @param {string} name
 * @param {Hub} hub
 */
export function mount(name, hub) {
  if (name === 'answer') hub.watch('value', () => open(hub.props.value));
  if (name === 'rest') hub.watch('value', () => complete(hub.props.value));
  if (name === 'setting') setting = hub;
  if (name === 'tabs') requestAnimationFrame(arranging); // the columns are there by then, as the panels are
  if (name === 'tabs') {
    wanted = new Set(hub.props.value.filter(([, , byServer]) => byServer).map(([key]) => key));
    page.asks = hub.props.value.find(([, , , asks]) => asks)?.[0];
    link = fromHash(location.hash, keys(hub));
    page.keys = keys(hub);
    store.set({tab: link.tab ?? page.keys[0]});
  }
  const view = VIEWS[name];
  if (view) drawn.set(name, view({...hub, name}, page));
  if (view) drawn.get(name)(store.state, new Set(Object.keys(store.state)));
  if (name === 'answer' && hub.props.value) open(hub.props.value);
  if (name === 'tabs' && early) open(early);
}

const keys = (hub) => hub.props.value.map(([key]) => key);

/** A new picture, or the sentence that says why there is none. */
function open(told) {
  if (!told) return;
  early = page.keys.length ? null : told;
  if (early) return;
  const {spoil} = store.state, another = told.picture?.url !== page.told.picture?.url;
  page.told = told;
  const trace = told.compact ? new Trace(told.compact) : null;
  step = Boolean(last) && !link;
  const chosen = link && (!link.example || link.example === told.example) ? fitting(link) : {};
  page.unlinked = Boolean(link && !link.example && (page.lost || link.object !== undefined) && told.example);
  served.clear();
  const threshold = chosen.threshold ?? store.state.threshold;
  const about = trace?.detections.find((d) => d.name === told.about && d.score >= Math.fround(threshold));
  if (!trace && !store.state.trace) redraw(['trace']); // another sentence
  const next = {
    classes: [], point: null, lab: null, hand: null, object: about?.number ?? null, layer: trace ? trace.layers : 0,
    over: null, bin: null,
    ...(spoil?.patch && another ? {spoil: {...spoil, patch: null}} : {}), // a patch belongs to its picture
    ...(trace ? chosen : {}), trace,
  };
  // An example opens at the edge that it is for: of the thing that is spoken of, or of what a link names.
  const begins = trace && told.example && (link || (another && about)) && next.edge === undefined;
  const {object} = begins ? settled({...store.state, ...next}) : {object: null};
  const history = object === null ? null : trace.history(object);
  store.set({...next, ...(history ? {edge: widest(history)} : {})});
  if (another && last) returning();
  if (trace) keep(told.kept);
  if (trace && !trace.complete) setting?.trigger('rest', {});
  if (trace) link = null;
  write();
}

/** The edge of which the last layer is the least sure. @param {import('./trace.js').History} history */
function widest(history) {
  const lengths = history.intervals[history.layers - 1].map(([low, high]) => high - low);
  return lengths.indexOf(Math.max(...lengths));
}

/** What was too much for the first message about a picture has come. */
function complete(rest) {
  const {trace} = store.state;
  if (trace && !trace.complete && rest?.of === page.told.of) store.set({trace: trace.completed(rest.distributions)});
}

/** What was remembered of the visitor's own picture. */
function kept() {
  try {
    return sessionStorage.getItem('picture');
  } catch {
    return null; // a browser that lets pages keep nothing
  }
}

/** Remember the visitor's own picture, so that it is there again when the page is loaded anew in this window. */
function keep(kept) {
  try {
    if (kept) sessionStorage.setItem('picture', JSON.stringify(kept));
    else sessionStorage.removeItem('picture');
  } catch {
    // a browser that lets pages keep nothing
  }
}

/** What a link says that fits what is shown: the objects of a picture that is in no link are not those of an example. */
function fitting({example, model, object, layer, classes, lab, hand, second, spoil, ...rest}) {
  rest = {second: second ?? null, spoil: spoil ?? null, ...rest};
  return example || !page.told.example ? {object, layer, classes: classes ?? [], lab: lab ?? null,
    hand: hand ?? null, ...rest} : rest;
}

dismissing();
store.subscribe((state, changed) => {
  redraw(changed);
  step ||= ['object', 'tab', 'present'].some((key) => changed.has(key)) && !changed.has('trace');
  if (rest && [...changed].every((key) => FLEETING.includes(key))) return;
  clearTimeout(rest);
  rest = setTimeout(rested, QUIET);
});

/** Draw what shows these parts of the state, with the next frame. @param {Iterable<string>} changed */
function redraw(changed) {
  if (!dirty.size) requestAnimationFrame(draw);
  for (const key of changed) dirty.add(key);
}

function draw() {
  const changed = dirty;
  dirty = new Set();
  for (const each of drawn.values()) {
    try {
      each(store.state, changed);
    } catch (error) {
      reportError(error); // the other views go on
    }
  }
}

/** The visitor has come to rest: the address says what is shown, and the server draws what only it can. */
function rested() {
  rest = 0;
  write();
  const {state} = store;
  if (!setting || !wanted.has(state.tab) || !state.trace) return;
  const said = say(), by = JSON.stringify(said);
  if (served.get(state.tab) === by) return;
  served.set(state.tab, by);
  if (state.undrawn) {
    if (state.undrawn !== state.tab) served.delete(state.undrawn); // it is asked for again when it is opened
    store.set({undrawn: ''});
  }
  setting.trigger('need', {});
}

/** Tell the server what is shown; its next answer follows it. */
function say() {
  const said = Object.fromEntries(SENT.map((key) => [key, store.state[key]]));
  setting.props.value = said;
  return said;
}

/** Draw the open tab once more, where the server draws it. */
function again() {
  served.delete(store.state.tab);
  store.set({undrawn: ''});
  rested();
}
// Of the tab that was asked for: the visitor may have gone on to one that the browser draws.
document.addEventListener('undrawn', () => store.set({undrawn: setting.props.value.tab}));

/** A place of the picture that was clicked: what is there, or why nothing is. */
function ask(point) {
  store.set({tab: page.asks, point});
  served.set(page.asks, JSON.stringify(say()));
  setting.trigger('ask', {point});
}

// The address

function write() {
  const {state} = store;
  if (!state.trace || link) return;
  const hash = toHash(state, page.told);
  if (hash !== last && hash !== location.hash) history[step && last ? 'pushState' : 'replaceState'](null, '', hash);
  last = hash;
  step = false;
}

addEventListener('popstate', () => {
  const {top: _, ...back} = fromHash(location.hash, page.keys), pending = link;
  const shown = ['example', 'model'].every((key) => !back.example || !back[key] || back[key] === page.told[key]);
  last = location.hash;
  link = shown ? null : back;
  if (pending || link) {
    say();
    setting.trigger('link', {link: location.hash});
    setTimeout((asked) => asked && link === asked && (link = null), PATIENCE, link);
  }
  if (link) return;
  const changes = {classes: [], lab: null, hand: null, present: false, ...fitting(back)};
  const seen = inSight({...store.state, ...changes}).some((d) => d.number === changes.object);
  store.set({...changes, ...(seen ? {} : {top: null})}, {remember: false}); // "at most" stays, unless it hides the object
  step = false;
});

// Undo

addEventListener('keydown', (event) => {
  const writing = event.target.closest?.('input:not([type=range]):not([type=checkbox]), textarea, [contenteditable]');
  if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey || writing || !store.canUndo) return;
  event.preventDefault();
  store.undo();
});

/** What the tests and the benchmark look at; nothing on the page uses it. */
globalThis.lens = {store, page, inSight, read};

