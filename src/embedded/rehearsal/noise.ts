import { sineOfTurns } from './math.js';
import type { Random } from './random.js';

/** Smooth gradient noise over the plane; its values lie in about -1..1. One instance is one endless random texture. */
export class Noise {
  readonly #order = new Uint8Array(512);
  readonly #gradientX = new Float64Array(256);
  readonly #gradientY = new Float64Array(256);

  constructor(random: Random) {
    for (let i = 0; i < 256; i++) this.#order[i] = i;
    for (let i = 255; i > 0; i--) {
      const j = random.integer(0, i);
      const held = this.#order[i]!;
      this.#order[i] = this.#order[j]!;
      this.#order[j] = held;
    }
    for (let i = 0; i < 256; i++) {
      this.#order[i + 256] = this.#order[i]!;
      this.#gradientX[i] = sineOfTurns(i / 256 + 0.25);
      this.#gradientY[i] = sineOfTurns(i / 256);
    }
  }

  at(x: number, y: number): number {
    const x0 = Math.floor(x);
    const y0 = Math.floor(y);
    const dx = x - x0;
    const dy = y - y0;
    const column = x0 & 255;
    const row = y0 & 255;
    const left = this.#order[column]!;
    const right = this.#order[column + 1]!;
    const nw = this.#order[left + row]!;
    const sw = this.#order[left + row + 1]!;
    const ne = this.#order[right + row]!;
    const se = this.#order[right + row + 1]!;
    const u = dx * dx * dx * (dx * (dx * 6 - 15) + 10);
    const v = dy * dy * dy * (dy * (dy * 6 - 15) + 10);
    const top =
      (1 - u) * (this.#gradientX[nw]! * dx + this.#gradientY[nw]! * dy) +
      u * (this.#gradientX[ne]! * (dx - 1) + this.#gradientY[ne]! * dy);
    const bottom =
      (1 - u) * (this.#gradientX[sw]! * dx + this.#gradientY[sw]! * (dy - 1)) +
      u * (this.#gradientX[se]! * (dx - 1) + this.#gradientY[se]! * (dy - 1));
    return 1.5 * (top + v * (bottom - top));
  }

  /** Octaves of halving size and weight: clouds, stone, mist. About -1..1. */
  cloudy(x: number, y: number, octaves: number): number {
    let sum = 0;
    let weight = 0.5;
    let scale = 1;
    for (let i = 0; i < octaves; i++) {
      sum += weight * this.at(x * scale + i * 17.3, y * scale - i * 9.1);
      weight *= 0.5;
      scale *= 2.03;
    }
    return sum;
  }

  /** Octaves of folded noise: sharp crests, as mountains and creases have. About 0..1. */
  ridged(x: number, y: number, octaves: number): number {
    let sum = 0;
    let weight = 0.5;
    let scale = 1;
    let crest = 1;
    for (let i = 0; i < octaves; i++) {
      const value = this.at(x * scale + i * 31.7, y * scale + i * 11.9);
      let fold = 1 - (value < 0 ? -value : value);
      fold *= fold;
      // Detail gathers on the crests, as erosion leaves it.
      sum += weight * fold * crest;
      crest = fold;
      weight *= 0.5;
      scale *= 2.07;
    }
    return sum;
  }
}
