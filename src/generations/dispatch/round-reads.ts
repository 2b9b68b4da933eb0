import type { WaitingNeeds } from './candidates.js';
import type { LaneNumber, WaitingJob } from './policy.js';
import type { RoundSource } from './round.js';

/** Reads each thing once, for all the backends that one batch of decisions looks at. */
export class RoundReads implements RoundSource {
  readonly #source: RoundSource;
  readonly #kept = new Map<string, Promise<unknown>>();

  constructor(source: RoundSource) {
    this.#source = source;
  }

  due(lane: LaneNumber, limit: number): Promise<readonly WaitingJob[]> {
    return this.#once(`due ${lane} ${limit}`, () => this.#source.due(lane, limit));
  }

  heads(lane: LaneNumber, modelKeys: readonly string[], limit: number): Promise<readonly WaitingJob[]> {
    const name = `heads ${lane} ${limit} ${JSON.stringify(modelKeys)}`;
    return this.#once(name, () => this.#source.heads(lane, modelKeys, limit));
  }

  headsWithLora(lane: LaneNumber, modelKey: string, loraKey: string, lookahead: number) {
    const name = `lora ${lane} ${JSON.stringify([modelKey, loraKey])}`;
    return this.#once(name, () => this.#source.headsWithLora(lane, modelKey, loraKey, lookahead));
  }

  waitingNeeds(lane: LaneNumber): Promise<readonly WaitingNeeds[]> {
    return this.#once(`needs ${lane}`, () => this.#source.waitingNeeds(lane));
  }

  headsOfNeeds(lane: LaneNumber, needsKeys: readonly string[]): Promise<readonly WaitingJob[]> {
    return this.#once(`of needs ${lane} ${needsKeys.join()}`, () => this.#source.headsOfNeeds(lane, needsKeys));
  }

  countWaiting(lane: LaneNumber, modelKeys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const name = `count ${lane} ${JSON.stringify(modelKeys)}`;
    return this.#once(name, () => this.#source.countWaiting(lane, modelKeys));
  }

  #once<T>(name: string, read: () => Promise<T>): Promise<T> {
    const kept = (this.#kept.get(name) as Promise<T> | undefined) ?? read();
    this.#kept.set(name, kept);
    return kept;
  }
}
