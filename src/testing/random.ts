/**
 * A stand-in for `Math.random` that a test controls: numbers in [0, 1) from a 32-bit seed (the same sequence every time),
 * or exactly the given numbers, then an error, so that a test that draws more than it thought fails loudly.
 */
export function manualRandom(source: number | readonly number[]): () => number {
  return typeof source === 'number' ? seeded(source) : scripted(source);
}

/** A 32-bit Weyl sequence through an integer mixer. Good enough to spread jitter in tests; not for secrets. */
function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function scripted(values: readonly number[]): () => number {
  let next = 0;
  return () => {
    const value = values[next];
    if (value === undefined) throw new RangeError(`The script of ${values.length} random numbers is used up.`);
    next += 1;
    return value;
  };
}
