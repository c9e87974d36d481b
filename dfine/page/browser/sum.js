/**
 * The sum behind one edge, in decimal digits that can be checked with a pocket calculator: every number follows from
 * the ones before it. The same numbers as `dfine/figures/object/arithmetic.py` writes; decimals are whole numbers of
 * the last digit (BigInt), so that nothing is rounded twice.
 */

const PRECISE = 0.01; // pixels that all rounding together may cost

/** A decimal number. */
export class Decimal {
  /** @param {bigint} units of the last digit @param {number} digits behind the point */
  constructor(units, digits) {
    this.units = units;
    this.digits = digits;
  }

  /** The number nearest to `value`. @param {number} value @param {number} digits at most 9 */
  static of(value, digits) {
    return new Decimal(BigInt(Math.round(value * 10 ** digits)), digits);
  }

  /** @param {Decimal} other */
  plus(other) {
    const digits = Math.max(this.digits, other.digits);
    return new Decimal(this.scaled(digits) + other.scaled(digits), digits);
  }

  /** @param {Decimal} other */
  times(other) {
    return new Decimal(this.units * other.units, this.digits + other.digits);
  }

  /** With so many digits behind the point, rounded half away from zero. @param {number} digits */
  rounded(digits) {
    if (digits >= this.digits) return new Decimal(this.scaled(digits), digits);
    const unit = 10n ** BigInt(this.digits - digits), size = this.units < 0n ? -this.units : this.units;
    const near = (size + unit / 2n) / unit;
    return new Decimal(this.units < 0n ? -near : near, digits);
  }

  scaled(digits) {
    return this.units * 10n ** BigInt(digits - this.digits);
  }

  get negated() {
    return new Decimal(-this.units, this.digits);
  }

  get absolute() {
    return this.units < 0n ? this.negated : this;
  }

  valueOf() {
    return Number(this.units) / 10 ** this.digits;
  }

  /** With a true minus. */
  toString() {
    const text = String(this.absolute.units).padStart(this.digits + 1, '0');
    const cut = text.length - this.digits;
    return (this.units < 0n ? '−' : '') + text.slice(0, cut) + (this.digits ? `.${text.slice(cut)}` : '');
  }

  /** Always with a sign, except zero. */
  get signed() {
    return this.units > 0n ? `+${this}` : String(this);
  }
}

/**
 * One layer's sum for one edge.
 * @param {import('./trace.js').History} h
 * @param {number} edge
 * @param {number} layer from 1 on
 */
export function written(h, edge, layer) {
  const {w} = h, p = h.p[layer - 1][edge], pixels = h.perSize[edge];
  const reach = w.reduce((sum, v) => sum + Math.abs(v), 0);
  const loss = 0.5 * (reach + 1) + 0.05 * w.length; // in units of the last digit of Pr(n)
  const wanted = Math.ceil(Math.log10(Math.max((loss * Math.abs(pixels)) / PRECISE, 1)));
  const digits = Math.min(9, Math.max(3, wanted));
  const terms = Array.from(w, (v, n) => {
    const weight = Decimal.of(v, digits), share = Decimal.of(p[n], digits);
    return {n, weight, share, product: weight.times(share).rounded(digits + 1)};
  });
  const offset = terms.reduce((sum, term) => sum.plus(term.product), new Decimal(0n, digits + 1));
  const centre = Decimal.of(h.initial.centre[edge % 2], 3), extent = Decimal.of(pixels, 3);
  const half = new Decimal(5n, 1), out = (by) => {
    const length = by.times(extent);
    return centre.plus(edge < 2 ? length.negated : length);
  };
  return {
    terms, offset, centre, extent, factor: half.plus(offset),
    shift: offset.times(extent).rounded(3), start: out(half).rounded(3), place: out(half.plus(offset)).rounded(2),
  };
}
