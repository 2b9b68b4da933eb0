import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandDynamicPrompt, formatDate, replaceTextPatterns } from './transforms.js';

const first = () => 0;
const last = () => 0.999999;

describe('dynamic prompts', () => {
  it.each([
    ['plain text', 'plain text', 'plain text'],
    ['a {b|c} d', 'a b d', 'a c d'],
    ['a {b {c|d}|e} f', 'a b c f', 'a e f'],
    ['{|x} y', ' y', 'x y'],
    ['a {b|c', 'a b', 'a c'],
    ['a } b | c', 'a } b | c', 'a } b | c'],
    ['a \\{x\\} b', 'a {x} b', 'a {x} b'],
    ['a {b\\|c|d} e', 'a b|c e', 'a d e'],
    ['a // c\nb /* d\ne */ f', 'a \nb  f', 'a \nb  f'],
    ['back\\slash', 'back\\slash', 'back\\slash'],
  ])('%j', (text, low, high) => {
    expect(expandDynamicPrompt(text, first)).toBe(low);
    expect(expandDynamicPrompt(text, last)).toBe(high);
  });

  it('never fail, whatever the text', () => {
    const text = fc.string({ unit: fc.constantFrom('{', '}', '|', '\\', '/', '*', 'a', '\n'), maxLength: 200 });
    fc.assert(fc.property(text, (source) => typeof expandDynamicPrompt(source, Math.random) === 'string'));
    expect(expandDynamicPrompt('{'.repeat(200_000), first).length).toBeLessThanOrEqual(200_000);
  });
});

describe('patterns', () => {
  const now = new Date(2026, 8, 3, 4, 5, 6);
  const lookup = (node: string, widget: string) => (node === 'Sampler' && widget === 'seed' ? '1/2:3' : undefined);

  it('give the local date in the format asked for', () => {
    expect(formatDate('yyyy-MM-dd hh:mm:ss', now)).toBe('2026-09-03 04:05:06');
    expect(formatDate('yy M d h m s', now)).toBe('26 9 3 4 5 6');
  });

  it('give values of widgets, made fit for file names, and leave the rest alone', () => {
    expect(replaceTextPatterns('%Sampler.seed%_%Nobody.seed%_%width%_%date:yy%_%', now, lookup)).toBe(
      '1_2_3_%Nobody.seed%_%width%_26_%',
    );
  });
});
