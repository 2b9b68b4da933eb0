import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sleep } from '../core/clock.js';
import { Deferred, Latch, manualRandom, VirtualClock } from './index.js';

describe('VirtualClock', () => {
  it('runs timers in the order of their due times, ties as they were set', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 20 }), async (delays) => {
        const clock = new VirtualClock(0);
        const ran: { index: number; at: number }[] = [];
        delays.forEach((delayMs, index) => {
          clock.setTimer(() => ran.push({ index, at: clock.now() }), delayMs);
        });
        await clock.advance(50);
        const expected = delays.map((at, index) => ({ index, at })).sort((a, b) => a.at - b.at || a.index - b.index);
        expect(ran).toEqual(expected);
        expect(clock.pending).toBe(0);
        expect(clock.now()).toBe(50);
      }),
      { numRuns: 30 },
    );
  });

  it('runs what promises set between two timers within the same advance', async () => {
    const clock = new VirtualClock(0);
    const at: number[] = [];
    const loop = (async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        await sleep(clock, 10);
        at.push(clock.now());
      }
    })();
    await clock.advance(25);
    expect(at).toEqual([10, 20]);
    expect(clock.nextDueAt).toBe(30);
    await clock.advance(5);
    await loop;
    expect(at).toEqual([10, 20, 30]);
  });

  it('forgets a cancelled timer and a sleep whose signal aborted', async () => {
    const clock = new VirtualClock();
    let ran = false;
    const timer = clock.setTimer(() => {
      ran = true;
    }, 10);
    timer.cancel();
    const controller = new AbortController();
    const sleeping = sleep(clock, 10, controller.signal);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
    await clock.advance(20);
    expect(ran).toBe(false);
    expect(await clock.advanceToNext()).toBe(false);
  });

  it('tells when the code under test has gone to sleep', async () => {
    const clock = new VirtualClock();
    const asleep = clock.whenPending(2);
    clock.setTimer(() => {}, 1);
    clock.setTimer(() => {}, 2);
    await asleep;
    await clock.whenPending(2);
    expect(await clock.advanceToNext()).toBe(true);
    expect(clock.pending).toBe(1);
  });

  it('can jump without running anything, and never moves backward by advancing', async () => {
    const clock = new VirtualClock(1_000);
    let ranAt = 0;
    clock.setTimer(() => {
      ranAt = clock.now();
    }, 10);
    clock.jumpTo(5_000);
    expect(ranAt).toBe(0);
    await clock.advance(0);
    expect(ranAt).toBe(5_000);
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
  });
});

describe('Latch', () => {
  it('holds callers until it opens and stays open', async () => {
    const latch = new Latch();
    let passed = false;
    const caller = latch.pass().then(() => {
      passed = true;
    });
    await latch.reached;
    expect([latch.waiting, latch.isOpen, passed]).toEqual([1, false, false]);
    latch.open();
    await caller;
    await latch.pass();
    expect([latch.waiting, latch.isOpen, passed]).toEqual([0, true, true]);
  });

  it('lets a caller go when its signal aborts, before or while waiting', async () => {
    const latch = new Latch();
    await expect(latch.pass(AbortSignal.abort(new Error('early')))).rejects.toThrow('early');
    const controller = new AbortController();
    const waiting = latch.pass(controller.signal);
    controller.abort(new Error('late'));
    await expect(waiting).rejects.toThrow('late');
    expect(latch.waiting).toBe(0);
  });

  it('fails every caller with the given reason', async () => {
    const latch = new Latch();
    latch.fail(new Error('disk on fire'));
    await expect(latch.pass()).rejects.toThrow('disk on fire');
  });
});

describe('Deferred', () => {
  it('settles once, from outside', async () => {
    const deferred = new Deferred<number>();
    expect(deferred.settled).toBe(false);
    deferred.resolve(7);
    deferred.reject(new Error('too late'));
    expect(await deferred.promise).toBe(7);
    expect(deferred.settled).toBe(true);
  });
});

describe('manualRandom', () => {
  it('repeats a seeded sequence and stays within [0, 1)', () => {
    const first = manualRandom(42);
    const again = manualRandom(42);
    const other = manualRandom(43);
    const drawn = Array.from({ length: 1_000 }, () => first());
    expect(Array.from({ length: 1_000 }, () => again())).toEqual(drawn);
    expect(other()).not.toBe(drawn[0]);
    expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(drawn.reduce((sum, value) => sum + value, 0) / drawn.length).toBeCloseTo(0.5, 1);
  });

  it('plays a script and fails when it is used up', () => {
    const random = manualRandom([0.25, 0.75]);
    expect([random(), random()]).toEqual([0.25, 0.75]);
    expect(random).toThrow(RangeError);
  });
});
