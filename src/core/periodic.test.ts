import { describe, expect, it } from 'vitest';
import { Latch, VirtualClock } from '../testing/index.js';
import type { Logger } from './log.js';
import { PeriodicSweep, type PeriodicSweepOptions } from './periodic.js';

const EVERY_MS = 1_000;

function make(sweep: PeriodicSweepOptions['sweep'], more: Partial<PeriodicSweepOptions> = {}) {
  const clock = new VirtualClock();
  const lines: [level: string, fields: object, message: string][] = [];
  const log = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message]);
  const logger: Logger = {
    ...{ debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    child: () => logger,
  };
  const periodic = new PeriodicSweep({ clock, logger, what: 'dust', everyMs: EVERY_MS, sweep, ...more });
  return { clock, lines, periodic };
}

describe('a periodic sweep', () => {
  it('comes at once, and then a pause after the end of the one before, never two at a time', async () => {
    let begun = 0;
    const latch = new Latch();
    const { clock, periodic } = make(async () => {
      begun += 1;
      await latch.pass();
      return {};
    });
    periodic.start();
    periodic.start();
    await clock.advance(10 * EVERY_MS);
    expect(begun).toBe(1);
    latch.open();
    await clock.whenPending();
    await clock.advance(EVERY_MS - 1);
    expect(begun).toBe(1);
    await clock.advance(1);
    expect(begun).toBe(2);
    await periodic.stop();
  });

  it('comes later, where it is told to', async () => {
    let begun = 0;
    const sweep = async () => ({ begun: ++begun });
    const { clock, periodic } = make(sweep, { firstMs: 300 });
    periodic.start();
    await clock.advance(299);
    expect(begun).toBe(0);
    await clock.advance(1 + EVERY_MS);
    expect(begun).toBe(2);
    await periodic.stop();
  });

  it('comes up to a quarter sooner or later, where chance is let in', async () => {
    const begun: number[] = [];
    const chances = [0, 0.5, 0.999];
    const { clock, periodic } = make(async () => ({ begun: begun.push(clock.now()) }), {
      firstMs: EVERY_MS,
      random: () => chances.shift() ?? 0.5,
    });
    const startedAt = clock.now();
    periodic.start();
    await clock.advance(3.5 * EVERY_MS);
    expect(begun.map((at) => Math.round(at - startedAt))).toEqual([750, 1_750, 3_000]);
    await periodic.stop();
  });

  it('is tried again when it fails, and says so', async () => {
    let begun = 0;
    const { clock, lines, periodic } = make(async () => {
      begun += 1;
      if (begun === 1) throw new Error('no database');
      return { specks: 0 };
    });
    periodic.start();
    await clock.advance(EVERY_MS);
    expect(begun).toBe(2);
    expect(lines).toEqual([
      [
        'warn',
        { err: expect.objectContaining({ message: 'no database' }) },
        'the sweep of dust failed; it is tried again later',
      ],
    ]);
    await periodic.stop();
  });

  it.each(['info', 'debug'] as const)('tells what it did at level %s, when it did something', async (level) => {
    const found = [0, 3];
    const sweep = async () => ({ specks: found.shift() ?? 0, threads: 0 });
    const { clock, lines, periodic } = make(sweep, { level });
    periodic.start();
    await clock.advance(5 * EVERY_MS);
    expect(lines).toEqual([[level, { specks: 3, threads: 0 }, 'dust swept']]);
    await periodic.stop();
  });

  it('is told to stop and waited for, and none comes after it', async () => {
    let begun = 0;
    let isOver = false;
    const latch = new Latch();
    const { clock, periodic } = make(async (signal) => {
      begun += 1;
      await latch.pass();
      isOver = signal.aborted;
      return {};
    });
    periodic.start();
    await latch.reached;
    let isStopped = false;
    const stopping = periodic.stop().then(() => {
      isStopped = true;
    });
    await clock.advance(EVERY_MS);
    expect(isStopped).toBe(false);
    latch.open();
    await stopping;
    expect(isOver).toBe(true);
    periodic.start();
    await clock.advance(5 * EVERY_MS);
    expect([begun, clock.pending]).toEqual([1, 0]);
  });

  it('leaves no timer behind when it is stopped between two, or was never started', async () => {
    const { clock, periodic } = make(async () => ({}));
    periodic.start();
    await clock.whenPending();
    await periodic.stop();
    const other = make(async () => expect.unreachable());
    await other.periodic.stop();
    other.periodic.start();
    expect([clock.pending, other.clock.pending]).toEqual([0, 0]);
  });
});
