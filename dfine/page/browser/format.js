/** Numbers as the figures of this project write them; see `dfine/figures/style.py`. */

/** A non-negative number with about three useful digits: 123, 12.3, 0.45, 0. @param {number} value */
export function number(value) {
  if (value < 0.005) return '0';
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** The same with a sign and a true minus: +12.3, −0.45, 0. @param {number} value @param {string} [unit] */
export function signed(value, unit = '') {
  const text = number(Math.abs(value));
  return `${Number(text) === 0 ? '' : value > 0 ? '+' : '−'}${text}${unit}`;
}

/** A fixed count of decimals and a true minus; never −0.0. @param {number} value @param {number} [digits] */
export function fixed(value, digits = 1) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}

/** W(n) at a tick: whole pixels, or tenths where there are only a few. @param {number} pixels */
export function coarse(pixels) {
  const size = Math.abs(pixels);
  const text = size >= 9.95 ? size.toFixed(0) : size.toFixed(1).replace(/\.0$/, '');
  return (Number(text) === 0 ? '' : pixels > 0 ? '+' : '−') + text;
}

/** The next number that is round, as its half is: 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20 … @param {number} value above 0 */
export function roundUp(value) {
  const power = Math.floor(Math.log10(value)), unit = 10 ** Math.abs(power); // a whole number, so that 6 tenths are 0.6
  return [2, 4, 6, 8, 10].map((k) => (power < 0 ? k / unit : k * unit)).find((round) => round >= value);
}

/** @param {string} text @returns {string} with what HTML would read as its own escaped */
export const escaped = (text) =>
  text.replace(/[&<>"']/g, (sign) => ({'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'})[sign]);
