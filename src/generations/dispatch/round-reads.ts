import type { Clock } from '../../core/clock.js';
import type { WaitingNeeds } from './candidates.js';
import type { LaneNumber, WaitingJob } from './policy.js';
import type { RoundSource } from './round.js';

/** What waits for which needs, of a moment ago: the one read that grows with the variety of what waits. */
export class NeedsCache {
  readonly #clock: Clock;
  readonly #kept = new Map<LaneNumber, { readonly readAt: number; readonly needs: readonly WaitingNeeds[] }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async of(lane: LaneNumber, source: Pick<RoundSource, 'waitingNeeds'>): Promise<readonly WaitingNeeds[]> {
    const kept = this.#kept.get(lane);
    const ageMs = this.#clock.now() - (kept?.readAt ?? 0);
    if (kept !== undefined && ageMs >= 0 && ageMs < NEEDS_KEPT_MS) return kept.needs;
    const needs = await source.waitingNeeds(lane);
    this.#kept.set(lane, { readAt: this.#clock.now(), needs });
    return needs;
  }
}

const NEEDS_KEPT_MS = 500;

/** How much waits for a model, of a moment ago: it only tells whether a model is worth another copy, which takes seconds. */
export class CountsCache {
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly readAt: number; readonly count: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async of(
    lane: LaneNumber,
    modelKeys: readonly string[],
    source: Pick<RoundSource, 'countWaiting'>,
  ): Promise<ReadonlyMap<string, number>> {
    const nowMs = this.#clock.now();
    const counts = new Map<string, number>();
    for (const key of modelKeys) {
      const kept = this.#kept.get(`${lane} ${key}`);
      if (kept !== undefined && nowMs >= kept.readAt && nowMs < kept.readAt + COUNTS_KEPT_MS)
        counts.set(key, kept.count);
    }
    const unknown = modelKeys.filter((key) => !counts.has(key));
    if (unknown.length === 0) return counts;
    if (this.#kept.size + unknown.length > MAX_COUNTS_KEPT) this.#kept.clear();
    for (const [key, count] of await source.countWaiting(lane, unknown)) {
      counts.set(key, count);
      this.#kept.set(`${lane} ${key}`, { readAt: nowMs, count });
    }
    return counts;
  }
}

const COUNTS_KEPT_MS = 500;
const MAX_COUNTS_KEPT = 10_000;

/** Reads each thing once, for all the backends that one batch of decisions looks at. */
export class RoundReads implements RoundSource {
  readonly #source: RoundSource;
  readonly #kept = new Map<string, Promise<unknown>>();

  readonly #needs: NeedsCache;
  readonly #counts: CountsCache;

  constructor(source: RoundSource, needs: NeedsCache, counts: CountsCache) {
    this.#source = source;
    this.#needs = needs;
    this.#counts = counts;
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
    return this.#once(`needs ${lane}`, () => this.#needs.of(lane, this.#source));
  }

  headsOfNeeds(lane: LaneNumber, needsKeys: readonly string[]): Promise<readonly WaitingJob[]> {
    return this.#once(`of needs ${lane} ${needsKeys.join()}`, () => this.#source.headsOfNeeds(lane, needsKeys));
  }

  countWaiting(lane: LaneNumber, modelKeys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const name = `count ${lane} ${JSON.stringify(modelKeys)}`;
    return this.#once(name, () => this.#counts.of(lane, modelKeys, this.#source));
  }

  #once<T>(name: string, read: () => Promise<T>): Promise<T> {
    const kept = (this.#kept.get(name) as Promise<T> | undefined) ?? read();
    this.#kept.set(name, kept);
    return kept;
  }
}
