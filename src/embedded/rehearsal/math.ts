/**
 * Arithmetic of the rehearsal pictures.
 *
 * The same scene must give the same bytes on every machine, so nothing here uses the functions whose last digit is left
 * to the implementation (`Math.sin`, `Math.pow`, `Math.exp`, ...): only + - * /, `Math.sqrt` and `Math.floor`, which
 * IEEE 754 fixes.
 */
export function clamp(value: number, low = 0, high = 1): number {
  return Math.min(Math.max(value, low), high);
}

export function mix(from: number, to: number, amount: number): number {
  return from + (to - from) * amount;
}

/** 0 at `from`, 1 at `to`, with flat ends. `from` may be above `to`. */
export function smoothstep(from: number, to: number, value: number): number {
  const t = clamp((value - from) / (to - from));
  return t * t * (3 - 2 * t);
}

export function fraction(value: number): number {
  return value - Math.floor(value);
}

/** Sine of `turns` full circles. A polynomial, off by less than 0.0002, which no picture shows. */
export function sineOfTurns(turns: number): number {
  // Fold to a quarter wave: x in -1..1 stands for -90..90 degrees.
  let x = 4 * (turns - Math.floor(turns + 0.5));
  if (x > 1) x = 2 - x;
  else if (x < -1) x = -2 - x;
  const square = x * x;
  return x * (1.5706269 + square * (-0.6432292 + square * 0.0727102));
}

export function cosineOfTurns(turns: number): number {
  return sineOfTurns(turns + 0.25);
}

export function distance(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

/** Cube root of a number in 0..1 by Newton's method. */
export function cubeRoot(value: number): number {
  if (value <= 0) return 0;
  let root = 0.3 + 0.7 * value;
  for (let i = 0; i < 10; i++) root = (2 * root + value / (root * root)) / 3;
  return root;
}

/** A bell around 0: 1 at 0, 1/2 at `width`, and a long soft tail, as light scatters. */
export function bell(value: number, width: number): number {
  const ratio = value / width;
  return 1 / (1 + ratio * ratio);
}

/** A hash of three integers, as a number in 0..1. For grain and windows, where each pixel or cell needs its own chance. */
export function chanceAt(x: number, y: number, salt: number): number {
  let h = Math.imul(x, 0x27d4eb2f) ^ Math.imul(y, 0x165667b1) ^ Math.imul(salt, 0x3c6ef372);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 4294967296;
}
