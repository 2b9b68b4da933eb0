import { describe, expect, it } from 'vitest';
import { EaselError } from '../../core/errors.js';
import type { Generation, GenerationEvent } from '../../generations/index.js';
import { Deferred, VirtualClock } from '../../testing/index.js';
import { cancelWasVerified, followRun } from './follow.js';
import type { ProgressView } from './progress.js';

const generation = (status: Generation['status'], error: Generation['error'] = null) =>
  ({ id: 'g', accountId: 'a', status, error, outputs: [] }) as unknown as Generation;

const durable = (seq: number, type: string, data: Record<string, unknown> = {}) =>
  ({ generationId: 'g', seq, at: 0, type, data }) as GenerationEvent;

/** A generation whose end the test decides, as the service would tell of it. */
class ScriptedGenerations {
  readonly cancelled = new Deferred();
  readonly end = new Deferred<Generation>();
  cancels = 0;

  async *events(): AsyncGenerator<GenerationEvent, void, undefined> {
    yield durable(1, 'queued');
    yield durable(2, 'started');
    const { status } = await this.end.promise;
    yield durable(3, status);
  }
  async get(): Promise<Generation> {
    return this.end.promise;
  }
  async cancel(): Promise<Generation> {
    this.cancels += 1;
    this.cancelled.resolve();
    return generation('running');
  }
}

function setUp(timeoutMs?: number) {
  const generations = new ScriptedGenerations();
  const clock = new VirtualClock();
  const user = new AbortController();
  const said: string[] = [];
  const view: ProgressView = {
    phase: (text) => void said.push(text),
    progress: () => {},
    preview: () => {},
    note: (text) => void said.push(text),
    close: () => {},
  };
  const followed = followRun({
    generations,
    id: 'g',
    accountId: 'a',
    backendLabel: 'http://gpu:8188',
    view,
    clock,
    signal: user.signal,
    onWarning: () => {},
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  return { generations, clock, user, said, followed };
}

describe('followRun', () => {
  it('returns the ended generation', async () => {
    const { generations, followed, said, clock } = setUp(60_000);
    generations.end.resolve(generation('succeeded'));
    expect((await followed).status).toBe('succeeded');
    expect(said).toEqual(['Queued', 'Running on http://gpu:8188']);
    expect(clock.pending).toBe(0);
  });

  it('cancels once when the user wants to stop, and waits for the end', async () => {
    const { generations, user, followed, said } = setUp();
    user.abort();
    await generations.cancelled.promise;
    generations.end.resolve(generation('cancelled'));
    expect((await followed).status).toBe('cancelled');
    expect(generations.cancels).toBe(1);
    expect(said.join('\n')).toContain('Press Ctrl-C again to leave at once.');
  });

  it('keeps a run that succeeded before it could be stopped', async () => {
    const { generations, user, followed } = setUp();
    user.abort();
    generations.end.resolve(generation('succeeded'));
    expect((await followed).status).toBe('succeeded');
  });

  it('stops a run that takes too long, and says so', async () => {
    const { generations, clock, followed } = setUp(90_000);
    const outcome = followed.catch((error: unknown) => error);
    await clock.advance(90_000);
    await generations.cancelled.promise;
    generations.end.resolve(generation('cancelled'));
    const error = (await outcome) as EaselError;
    expect(error).toBeInstanceOf(EaselError);
    expect(error.code).toBe('run_timeout');
    expect(error.message).toContain('1 min 30 s');
    expect(clock.pending).toBe(0);
  });
});

describe('cancelWasVerified', () => {
  const error = (details?: Record<string, unknown>) =>
    ({
      code: 'cancelled',
      message: '',
      hint: '',
      retryable: false,
      ...(details === undefined ? {} : { details }),
    }) as const;

  it('believes only what the backend confirmed, or what it never had', () => {
    expect(cancelWasVerified(generation('cancelled', error({ verified: true })))).toBe(true);
    expect(cancelWasVerified(generation('cancelled', error({ verified: false })))).toBe(false);
    expect(cancelWasVerified(generation('cancelled', error()))).toBe(true);
  });
});
