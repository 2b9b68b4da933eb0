/** Repeatable chance. The same parts give the same numbers on every machine. */
export type SeedPart = string | number | bigint;

/**
 * A small counter-based generator with 128 bits of state, filled from a hash of the parts. Not for secrets.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(...parts: readonly SeedPart[]) {
    [this.#a, this.#b, this.#c] = hashParts(parts);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** A number in 0 <= x < 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return (sum >>> 0) / 4294967296;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number in low <= n <= high. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  sign(): 1 | -1 {
    return this.next() < 0.5 ? -1 : 1;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new RangeError('Nothing to pick from.');
    return item;
  }
}

function hashParts(parts: readonly SeedPart[]): [number, number, number] {
  let a = 0x243f6a88;
  let b = 0x85a308d3 | 0;
  let c = 0x13198a2e;
  for (const part of parts) {
    // The type joins the hash, so that the seed 1 and the word "1" differ.
    const text = `${typeof part}:${part}\u0000`;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x9e3779b1);
      b = Math.imul(b ^ unit ^ (a >>> 13), 0x85ebca77);
      c = Math.imul(c ^ unit ^ (b >>> 11), 0xc2b2ae3d);
    }
  }
  return [a ^ (c >>> 16), b ^ (a >>> 16), c ^ (b >>> 16)];
}
