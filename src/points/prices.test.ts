import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chargeFor, type EndedWork, OUTCOMES } from './outcomes.js';
import { parseParts, refundParts, splitParts, stringifyParts, totalOf } from './parts.js';
import { priceOf, type Terms } from './prices.js';
import { quantitiesOf } from './quantities.js';
import type { Part } from './types.js';
import { formatPoints, parsePoints } from './units.js';

const RULE = {
  flat: 1_000_000,
  perSecond: { default: 10_000, h100: 50_000 },
  perOutput: 250_000,
  perMegapixel: 100_000,
  minimum: 2_000_000,
};
const terms = (multiplierPpm = 1_000_000, pixels = 1_500_000): Terms => ({ rule: RULE, multiplierPpm, pixels });

test('a price is the sum of its parts, at least the minimum, times the factors', () => {
  const usage = { runMs: 10_000, outputs: 4, backendClass: 'default' };
  expect(priceOf(terms(), usage)).toBe(1_000_000 + 100_000 + 1_000_000 + 600_000);
  expect(priceOf(terms(), { ...usage, backendClass: 'h100' })).toBe(3_100_000);
  expect(priceOf(terms(), { ...usage, outputs: 0 })).toBe(2_000_000);
  expect(priceOf(terms(1_500_000), { ...usage, outputs: 0 })).toBe(3_000_000);
  expect(priceOf(terms(0), usage)).toBe(0);
  // Rounded up: a third of a millisecond's worth is one micro-point.
  expect(
    priceOf(
      {
        rule: { ...RULE, minimum: 0, flat: 0, perOutput: 0, perMegapixel: 0, perSecond: { default: 1 } },
        multiplierPpm: 1_000_000,
        pixels: 0,
      },
      { ...usage, runMs: 1 },
    ),
  ).toBe(1);
});

test('a price is exact where doubles are not', () => {
  const rule = { ...RULE, flat: 0, perOutput: 0, perMegapixel: 0, minimum: 0, perSecond: { default: 999_999_999_999 } };
  const price = priceOf(
    { rule, multiplierPpm: 1_000_001, pixels: 0 },
    { runMs: 1_800_001, outputs: 0, backendClass: 'x' },
  );
  expect(BigInt(price)).toBe((999_999_999_999n * 1_800_001n * 1_000_001n + 999_999_999n) / 1_000_000_000n);
});

const work: EndedWork = {
  status: 'succeeded',
  errorCode: null,
  runMs: 10_000,
  sinceAcceptedMs: null,
  outputs: 4,
  expectedOutputs: 4,
  backendClass: 'default',
  reachedBackend: true,
};

test.each([
  [{}, 'succeeded', 2_700_000],
  [{ outputs: 1 }, 'partial', 2_000_000],
  [{ status: 'failed', errorCode: 'node_failed', runMs: null }, 'failed', 0],
  [{ status: 'failed', errorCode: 'run_timeout', runMs: null }, 'timed_out', 0],
  [{ status: 'failed', errorCode: 'collect_timeout' }, 'timed_out', 0],
  [{ status: 'expired', reachedBackend: false }, 'expired', 0],
  [{ status: 'cancelled', reachedBackend: false, sinceAcceptedMs: 5_000 }, 'cancelled_waiting', 0],
  [{ status: 'cancelled', runMs: null, sinceAcceptedMs: 5_000, outputs: 0 }, 'cancelled_running', 50_000],
] as const)('the outcome of %j is %s and costs %i', (change, outcome, amount) => {
  expect(chargeFor({ ...work, ...change }, terms(), { cancelled: 'run-time' })).toEqual({ outcome, amount });
  expect(Object.keys(OUTCOMES)).toContain(outcome);
});

test('a cancel is free where the policy says so', () => {
  const cancelled = { ...work, status: 'cancelled', sinceAcceptedMs: 5_000 } as const;
  expect(chargeFor(cancelled, terms(), { cancelled: 'free' })).toEqual({ outcome: 'cancelled_running', amount: 0 });
});

const part = fc.record({
  bucket: fc.constantFrom('allowance' as const, 'credit' as const),
  amount: fc.integer({ min: 1, max: 1000 }),
  expiresAt: fc.option(fc.integer({ min: 1, max: 1e12 })),
});
const parts = fc
  .array(part, { maxLength: 6 })
  .map((list): Part[] => list.map((item) => (item.bucket === 'allowance' ? { ...item, expiresAt: null } : item)));

test('pieces: what is cut off is there on the other side, and refunds never repeat', () => {
  fc.assert(
    fc.property(parts, fc.nat(5000), fc.nat(5000), (list, cut, more) => {
      const total = totalOf(list);
      const { head, tail } = splitParts(list, cut);
      expect(totalOf(head)).toBe(Math.min(cut, total));
      expect(totalOf(head) + totalOf(tail)).toBe(total);
      expect(parseParts(stringifyParts(list))).toEqual(list);
      const first = Math.min(cut, total);
      const second = Math.min(more, total - first);
      const together = totalOf(refundParts(list, 0, first)) + totalOf(refundParts(list, first, second));
      expect(together).toBe(totalOf(refundParts(list, 0, first + second)));
    }),
  );
});

test('amounts are read and written to the last digit', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), (micro) => {
      expect(parsePoints(formatPoints(micro))).toBe(micro);
    }),
  );
  expect(parsePoints('0.05')).toBe(50_000);
  for (const bad of ['', 'ten', '1e3', '0.0000001', 'NaN', '1,5', '--1']) expect(() => parsePoints(bad)).toThrow();
});

test('size, batch, steps and outputs are read from the graph, through primitives', () => {
  const graph = {
    '1': { class_type: 'PrimitiveInt', inputs: { value: 512 } },
    '2': { class_type: 'EmptyLatentImage', inputs: { width: ['1', 0], height: 768, batch_size: 3 } },
    '3': { class_type: 'KSampler', inputs: { latent_image: ['2', 0], steps: 25 } },
    '4': { class_type: 'SaveImage', inputs: { images: ['3', 0] } },
    '5': { class_type: 'Loop', inputs: { steps: ['5', 0], value: ['5', 0] } },
  } as never;
  expect(quantitiesOf(graph)).toEqual({ pixels: 512 * 768, batch: 3, steps: 25, outputs: 3 });
  expect(quantitiesOf({})).toEqual({ pixels: 0, batch: 1, steps: 0, outputs: 1 });
});
