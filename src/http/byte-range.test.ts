import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allowsRange, matchesEtag, parseRange } from './byte-range.js';

describe('parseRange', () => {
  test.each([
    [undefined, 10, { kind: 'whole' }],
    ['bytes=0-', 10, { kind: 'part', start: 0, end: 9 }],
    ['bytes=0-0', 10, { kind: 'part', start: 0, end: 0 }],
    ['bytes=3-5', 10, { kind: 'part', start: 3, end: 5 }],
    ['bytes=3-99', 10, { kind: 'part', start: 3, end: 9 }],
    ['bytes=-4', 10, { kind: 'part', start: 6, end: 9 }],
    ['bytes=-40', 10, { kind: 'part', start: 0, end: 9 }],
    ['bytes=-0', 10, { kind: 'unsatisfiable' }],
    ['bytes=10-', 10, { kind: 'unsatisfiable' }],
    ['bytes=99999999999999999999-', 10, { kind: 'unsatisfiable' }],
    ['bytes=0-', 0, { kind: 'unsatisfiable' }],
    ['bytes=-1', 0, { kind: 'unsatisfiable' }],
    ['bytes=5-3', 10, { kind: 'whole' }],
    ['bytes=0-1,3-4', 10, { kind: 'whole' }],
    ['bytes=-', 10, { kind: 'whole' }],
    ['lines=0-1', 10, { kind: 'whole' }],
    ['bytes=a-b', 10, { kind: 'whole' }],
  ])('%s of %d bytes', (header, size, expected) => {
    expect(parseRange(header, size)).toEqual(expected);
  });

  test('a part always lies within the file, whatever is asked', () => {
    const header = fc.oneof(
      fc.tuple(fc.nat(), fc.nat()).map(([start, end]) => `bytes=${start}-${end}`),
      fc.nat().map((length) => `bytes=-${length}`),
      fc.string(),
    );
    fc.assert(
      fc.property(header, fc.nat({ max: 1000 }), (text, size) => {
        const range = parseRange(text, size);
        if (range.kind !== 'part') return true;
        return 0 <= range.start && range.start <= range.end && range.end < size;
      }),
    );
  });
});

test('matchesEtag compares weakly, and takes lists and the asterisk', () => {
  expect(matchesEtag('"a"', '"a"')).toBe(true);
  expect(matchesEtag('W/"a"', '"a"')).toBe(true);
  expect(matchesEtag('"b", W/"a"', '"a"')).toBe(true);
  expect(matchesEtag('*', '"a"')).toBe(true);
  expect(matchesEtag('"b"', '"a"')).toBe(false);
  expect(matchesEtag(undefined, '"a"')).toBe(false);
});

test('allowsRange needs the very version', () => {
  expect(allowsRange(undefined, '"a"')).toBe(true);
  expect(allowsRange('"a"', '"a"')).toBe(true);
  expect(allowsRange('W/"a"', '"a"')).toBe(false);
  expect(allowsRange('Wed, 21 Oct 2026 07:28:00 GMT', '"a"')).toBe(false);
});
