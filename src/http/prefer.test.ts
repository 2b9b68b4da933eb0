import { expect, test } from 'vitest';
import { preferredWaitSeconds } from './prefer.js';

test.each([
  [undefined, null],
  ['wait=30', 30],
  ['respond-async, wait=10', 10],
  ['Wait = "5"', 5],
  ['wait=7; foo', 7],
  [['respond-async', 'wait=3'], 3],
  ['wait=', null],
  ['wait=-1', null],
  ['wait=soon', null],
  ['await=9', null],
  ['wait=9999999999', null],
])('%j', (header, seconds) => {
  expect(preferredWaitSeconds(header)).toBe(seconds);
});
