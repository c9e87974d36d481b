/** Making elements. */

const SVG = 'http://www.w3.org/2000/svg';
const LETTER = 12; // pixels: the height of one

/**
 * An SVG element.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  put(node, attributes);
  node.append(...children);
  return node;
}

/**
 * An HTML element. Keys that start with `on` are listeners.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function html(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
  put(node, Object.fromEntries(Object.entries(attributes).filter(([key]) => !key.startsWith('on'))));
  node.append(...children);
  return node;
}

/**
 * Set attributes; null and false take one away. What is set already is left alone: the browser would style it anew.
 * @param {Element} node
 * @param {Record<string, unknown>} attributes
 */
export function put(node, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    const text = value === null || value === false || value === undefined ? null : value === true ? '' : String(value);
    if (node.getAttribute(key) === text) continue;
    if (text === null) node.removeAttribute(key);
    else node.setAttribute(key, text);
  }
}

/**
 * Switch a button off, or on again. One that has the focus keeps it, and does nothing, until the visitor goes on: else the
 * keyboard would have to start from the top of the page.
 * @param {HTMLButtonElement} button
 * @param {boolean} off
 */
export function switchOff(button, off) {
  const held = off && document.activeElement === button;
  button.disabled = off && !held;
  put(button, {'aria-disabled': held ? 'true' : null});
  if (held) button.addEventListener('blur', () => {
    if (button.hasAttribute('aria-disabled')) switchOff(button, true);
  }, {once: true});
}

/** Whether the visitor wants as little as possible to move. */
export const isStill = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
/** How the page scrolls by itself. */
export const gently = () => (isStill() ? 'auto' : 'smooth');

/** A rectangle between corners, whatever their order. @param {number[]} box @param {object} [more] */
export const rect = ([x1, y1, x2, y2], more = {}) => svg('rect', {...frame([x1, y1, x2, y2]), ...more});

/** The attributes of a rectangle between corners, at least a pixel wide and high. @param {number[]} box */
export const frame = ([x1, y1, x2, y2]) => ({
  x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.max(Math.abs(x2 - x1), 1), height: Math.max(Math.abs(y2 - y1),
    1),
});

/**
 * A drawing in pixels of the screen, painted anew when its width changes.
 * @param {number} height
 * @param {(into: SVGElement, width: number, height: number) => void} paint
 * @param {Record<string, unknown>} [attributes]
 */
export function chart(height, paint, attributes = {}) {
  const into = svg('svg', {class: 'chart', height, ...attributes});
  const draw = () => {
    const width = into.clientWidth;
    if (!width) return;
    put(into, {viewBox: `0 0 ${width} ${height}`});
    into.replaceChildren();
    paint(into, width, height);
  };
  new ResizeObserver(draw).observe(into);
  return {into, draw};
}

/** Words with the colour of what they stand for before them. @param {string} colour @param {string} text */
export const swatch = (colour, text) => html('span', {class: 'swatch'}, html('i', {style: `background:${colour}`}),
  text);

/**
 * The first letters of lines' names where the lines begin or end, none over another: colours do not tell everybody the
 * lines apart.
 * @param {[string, number][]} named names, and heights in the drawing @param {Object} place what all of them have
 */
export function letters(named, place) {
  let last = -Infinity;
  return [...named].sort((a, b) => a[1] - b[1]).map(([name, y]) => {
    last = Math.max(y, last + LETTER);
    return svg('text', {class: 'letter', y: last + 4, ...place}, name[0]);
  });
}
