import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BackendBook } from './backend-book.js';
import { advanceOf, enqueueTags } from './books.js';
import { learn, UNKNOWN_FACTS } from './facts.js';
import {
  type BackendState,
  choosePair,
  type DispatchView,
  holdOf,
  rankJobs,
  switchMs,
  type WaitingJob,
} from './policy.js';

const FACTS = { loadMs: 20_000, warmMs: 1_000, loraMs: 500, genMs: 10_000 };

const backend = (more: Partial<BackendState> = {}): BackendState => ({
  ...{ id: 'a', speed: 1, io: 1, resident: [], loraKey: '', busyUntil: 0, runsInteractive: false },
  ...more,
});
const job = (more: Partial<WaitingJob> = {}): WaitingJob => ({
  ...{ id: 'j', lane: 0, accountId: 'x', modelKey: 'm', loraKey: '', needsKey: '', vstart: 0 },
  ...{ estimateMs: 10_000, createdAt: 0 },
  ...more,
});
const view = (more: Partial<DispatchView> = {}): DispatchView => ({
  nowMs: 0,
  backends: [backend()],
  lane: () => ({ v: 0, activeWeight: 1 }),
  facts: () => FACTS,
  waiting: () => 1,
  canRun: () => true,
  ...more,
});

describe('a switch costs', () => {
  test.each([
    ['nothing for what is active', ['m'], '', '', 0],
    ['a LoRA switch', ['m'], 'l', '', 500],
    ['a warm start', ['n', 'm'], '', '', 1_000],
    ['a warm start and LoRAs', ['n', 'm'], '', 'l', 1_500],
    ['a load', ['n'], '', '', 10_000],
  ])('%s', (_name, resident, active, wanted, expected) => {
    expect(switchMs(backend({ resident, loraKey: active, io: 2 }), job({ loraKey: wanted }), FACTS)).toBe(expected);
  });

  test('nothing where nothing is loaded', () => {
    expect(switchMs(backend({ resident: ['m'] }), job({ modelKey: '' }), FACTS)).toBe(0);
  });
});

describe('a cold job', () => {
  const cold = backend({ id: 'cold' });
  const warm = backend({ id: 'warm', resident: ['m'], busyUntil: 5_000, runsInteractive: true });

  test('waits for a copy that is free soon, but not for ever', () => {
    const fleet = view({ backends: [cold, warm] });
    expect(holdOf(cold, job(), fleet)).toMatchObject({ reason: 'copy', copies: ['warm'], until: 70_000 });
    expect(holdOf(cold, job(), { ...fleet, nowMs: 70_000 })).toBeNull();
  });

  test('gets another copy when the queue of its model is long', () => {
    expect(holdOf(cold, job(), view({ backends: [cold, warm], waiting: () => 20 }))).toBeNull();
  });

  test('does not wait for a copy on a backend that cannot run it', () => {
    const canRun = (id: string) => id !== 'warm';
    expect(holdOf(cold, job(), view({ backends: [cold], canRun }))).toBeNull();
    expect(holdOf(cold, job(), view({ nowMs: 60_000, backends: [cold, warm], canRun }))).toBeNull();
  });
});

const jobs = fc.array(
  fc.record({
    id: fc.uuid(),
    lane: fc.constantFrom(0 as const, 1 as const),
    modelKey: fc.constantFrom('', 'm', 'n', 'o'),
    loraKey: fc.constantFrom('', 'l'),
    needsKey: fc.constantFrom('', 'rare'),
    vstart: fc.nat(1_000_000),
    createdAt: fc.nat(1_000_000),
  }),
  { minLength: 1, maxLength: 20 },
);

test('interactive work goes before batch work, and nothing goes where it cannot run', () => {
  fc.assert(
    fc.property(jobs, fc.nat(2_000_000), (drawn, nowMs) => {
      const here = backend({ resident: ['m'] });
      const canRun = (_id: string, { needsKey }: { readonly needsKey: string }) => needsKey !== 'rare';
      const ranked = rankJobs(here, drawn.map(job), view({ nowMs, backends: [here], canRun }));
      const lanes = ranked.map((choice) => choice.job.lane);
      expect(lanes).toEqual([...lanes].sort());
      expect(ranked.every((choice) => choice.job.needsKey !== 'rare')).toBe(true);
      expect(new Set(ranked.map((choice) => choice.job.id)).size).toBe(ranked.length);
      const pair = choosePair([{ backend: here, choices: ranked }], view());
      expect(pair === null).toBe(ranked.length === 0);
    }),
  );
});

test('nobody starves: whatever comes later, an old job is the best choice in the end', () => {
  fc.assert(
    fc.property(jobs, fc.constantFrom('m', 'n', ''), (others, modelKey) => {
      const here = backend({ resident: ['m'], loraKey: 'l' });
      const old = job({ id: 'old', modelKey, vstart: 0, createdAt: 0 });
      // All others arrived when much work had been given out since: their place is behind.
      const v = 10_000_000;
      const late = others.map((one) => job({ ...one, needsKey: '', lane: 0, vstart: v, createdAt: 9_000_000 }));
      const then = view({ nowMs: 10_000_000, backends: [here], lane: () => ({ v, activeWeight: 1 }) });
      expect(rankJobs(here, [...late, old], then)[0]?.job.id).toBe('old');
    }),
  );
});

test('places in line: vstart of an account never goes back, virtual time never stands still', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ estimateMs: fc.nat(100_000), weight: fc.integer({ min: 1, max: 5 }), grows: fc.nat(50_000) }),
      ),
      (steps) => {
        let vfinish = 0;
        let v = 0;
        let last = 0;
        for (const { estimateMs, weight, grows } of steps) {
          const tags = enqueueTags(vfinish, v, estimateMs, weight);
          expect(tags.vstart).toBeGreaterThanOrEqual(Math.max(last, v));
          last = tags.vstart;
          vfinish = tags.vfinish;
          const after = v + advanceOf(grows, 7);
          expect(after).toBeGreaterThan(v);
          v = after;
        }
      },
    ),
  );
});

describe('residency is learned', () => {
  const known = learn(UNKNOWN_FACTS, { loadMs: 20_000 });
  const run = (book: BackendBook, model: string, measuredMs: number) => {
    book.begin(model, { lane: 0, modelKey: model, loraKey: '' }, known, 0);
    const sample = book.observe(model, measuredMs, known);
    book.end(model);
    return sample;
  };

  test('a model that had to be loaded although it was believed there makes the memory smaller', () => {
    const book = new BackendBook({ id: 'a', speed: 1, io: 1, concurrency: 1 });
    run(book, 'm', 20_000);
    run(book, 'n', 20_000);
    expect(book.state().resident).toEqual(['n', 'm']);
    expect(run(book, 'm', 19_000)).toEqual({ loadMs: 19_000 });
    expect(book.state().resident).toEqual(['m']);
  });

  test('a model that came quickly although it was believed gone makes it larger', () => {
    const book = new BackendBook({ id: 'a', speed: 1, io: 1, concurrency: 1 });
    for (const model of ['m', 'n', 'o']) run(book, model, 20_000);
    expect(book.state().resident).toEqual(['o', 'n']);
    expect(run(book, 'm', 1_200)).toEqual({ warmMs: 1_200 });
    expect(book.state().resident).toEqual(['m', 'o', 'n']);
  });

  test('after a restart nothing is there', () => {
    const book = new BackendBook({ id: 'a', speed: 1, io: 1, concurrency: 1 });
    run(book, 'm', 20_000);
    book.forget();
    expect(book.state().resident).toEqual([]);
  });
});
