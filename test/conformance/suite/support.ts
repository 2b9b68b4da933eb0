import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect } from 'vitest';
import type { AttemptResult, Backend, BackendEvent, FileOutput, SubmitOutcome } from '../../../src/backends/index.js';
import { newId } from '../../../src/core/ids.js';
import type { Graph } from '../../../src/graph/types.js';
import type { Ability, BackendHarness, MakeHarness } from '../backend.js';

/** A fresh harness for each test of the surrounding `describe`. */
export function useHarness(makeHarness: MakeHarness): () => BackendHarness {
  let harness: BackendHarness | null = null;
  beforeEach(async () => {
    harness = await makeHarness();
  });
  afterEach(async () => {
    harness?.nodes.openAllGates();
    await harness?.close();
    harness = null;
  });
  return () => harness as BackendHarness;
}

/** Leaves a test out, with the reason, where the backend lacks what it is about. */
export function needs(harness: BackendHarness, ability: Ability, skip: (reason: string) => void): void {
  const reason = harness.lacks?.[ability];
  if (reason !== undefined) skip(`${ability}: ${reason}`);
}

/** Collects what a backend tells, and waits for it. */
export class Watcher {
  readonly events: BackendEvent[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(backend: Backend) {
    backend.onEvent((event) => {
      this.events.push(event);
      for (const check of this.#waiting) check();
    });
  }

  of(attemptId: string): BackendEvent[] {
    return this.events.filter((event) => 'attemptId' in event && event.attemptId === attemptId);
  }

  /** Resolves with the first event of that type that is there or comes. */
  async until<T extends BackendEvent['type']>(
    type: T,
    attemptId?: string,
  ): Promise<Extract<BackendEvent, { type: T }>> {
    const matches = (event: BackendEvent): event is Extract<BackendEvent, { type: T }> =>
      event.type === type && (attemptId === undefined || ('attemptId' in event && event.attemptId === attemptId));
    return new Promise((resolve) => {
      const check = () => {
        const found = this.events.find(matches);
        if (found === undefined) return;
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
  }
}

/** Submits and expects that it is accepted. Returns the attempt id. */
export async function accept(backend: Backend, graph: Graph): Promise<string> {
  const attemptId = newId();
  expect(await backend.submit({ attemptId, graph })).toEqual({ kind: 'accepted' });
  return attemptId;
}

export async function refusal(backend: Backend, graph: Graph): Promise<{ error: unknown; attemptId: string }> {
  const attemptId = newId();
  const outcome: SubmitOutcome = await backend.submit({ attemptId, graph });
  expect(outcome.kind).toBe('refused');
  return { error: outcome.kind === 'refused' ? outcome.error : null, attemptId };
}

/** Waits for the end as the tracker does: told by an event, then looks. */
export async function result(backend: Backend, watcher: Watcher, attemptId: string): Promise<AttemptResult> {
  await watcher.until('ended', attemptId);
  const sighting = await backend.find(attemptId);
  if (sighting.state !== 'finished') throw new Error(`It is ${sighting.state}, although it was said to have ended.`);
  return sighting.result;
}

export function fileOf(outcome: AttemptResult, nodeId = '9'): FileOutput {
  const file = outcome.outputs.find((output) => output.kind !== 'text' && output.nodeId === nodeId);
  if (file === undefined || file.kind === 'text') throw new Error(`There is no file of node ${nodeId}.`);
  return file;
}

export async function download(backend: Backend, file: FileOutput): Promise<Buffer> {
  return buffer((await backend.openOutput(file)).stream);
}

/** Looks until the attempt is in that state. The time limit of the test ends a wait in vain. */
export async function untilState(backend: Backend, attemptId: string, state: string): Promise<void> {
  while ((await backend.find(attemptId)).state !== state) await new Promise((resolve) => setImmediate(resolve));
}

export async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('It did not fail.');
    },
    (error) => error,
  );
}
