import type { WaitingNeeds } from '../../../src/generations/dispatch/candidates.js';
import { type LaneNumber, MAX_WAITING_COUNTED, type WaitingJob } from '../../../src/generations/dispatch/policy.js';
import type { RoundSource } from '../../../src/generations/dispatch/round.js';

/** The waiting jobs as the database keeps them, in memory: every read is over a list sorted by (vstart, id). */
export class MemoryTables implements RoundSource {
  readonly #lanes = new Map<LaneNumber, { readonly all: WaitingJob[]; readonly byModel: Map<string, WaitingJob[]> }>();

  add(job: WaitingJob): void {
    const lane = this.#lane(job.lane);
    insert(lane.all, job);
    const ofModel = lane.byModel.get(job.modelKey) ?? [];
    lane.byModel.set(job.modelKey, ofModel);
    insert(ofModel, job);
  }

  /** False when it does not wait (any more). */
  remove(job: WaitingJob): boolean {
    const lane = this.#lane(job.lane);
    if (!cut(lane.all, job)) return false;
    const ofModel = lane.byModel.get(job.modelKey) ?? [];
    cut(ofModel, job);
    if (ofModel.length === 0) lane.byModel.delete(job.modelKey);
    return true;
  }

  count(lane: LaneNumber): number {
    return this.#lane(lane).all.length;
  }

  accounts(lane: LaneNumber): Set<string> {
    return new Set(this.#lane(lane).all.map((job) => job.accountId));
  }

  async due(lane: LaneNumber, limit: number): Promise<readonly WaitingJob[]> {
    return this.#lane(lane).all.slice(0, limit);
  }

  async heads(lane: LaneNumber, modelKeys: readonly string[], limit: number): Promise<readonly WaitingJob[]> {
    return modelKeys.flatMap((key) => this.#ofModel(lane, key).slice(0, limit));
  }

  async headsWithLora(lane: LaneNumber, modelKey: string, loraKey: string, lookahead: number) {
    const found = this.#ofModel(lane, modelKey)
      .slice(0, lookahead)
      .find((job) => job.loraKey === loraKey);
    return found === undefined ? [] : [found];
  }

  async waitingNeeds(lane: LaneNumber): Promise<readonly WaitingNeeds[]> {
    const first = new Map<string, WaitingJob>();
    for (const job of this.#lane(lane).all) if (!first.has(job.needsKey)) first.set(job.needsKey, job);
    return [...first.values()];
  }

  async headsOfNeeds(lane: LaneNumber, needsKeys: readonly string[]): Promise<readonly WaitingJob[]> {
    const heads = (await this.waitingNeeds(lane)) as readonly WaitingJob[];
    return heads.filter((job) => needsKeys.includes(job.needsKey));
  }

  async countWaiting(lane: LaneNumber, modelKeys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(modelKeys.map((key) => [key, Math.min(MAX_WAITING_COUNTED, this.#ofModel(lane, key).length)]));
  }

  #ofModel(lane: LaneNumber, modelKey: string): readonly WaitingJob[] {
    return this.#lane(lane).byModel.get(modelKey) ?? [];
  }

  #lane(lane: LaneNumber) {
    const known = this.#lanes.get(lane) ?? { all: [], byModel: new Map() };
    this.#lanes.set(lane, known);
    return known;
  }
}

function place(list: readonly WaitingJob[], job: WaitingJob): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = list[middle]!;
    if (other.vstart < job.vstart || (other.vstart === job.vstart && other.id < job.id)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(list: WaitingJob[], job: WaitingJob): void {
  list.splice(place(list, job), 0, job);
}

function cut(list: WaitingJob[], job: WaitingJob): boolean {
  const at = place(list, job);
  if (list[at]?.id !== job.id) return false;
  list.splice(at, 1);
  return true;
}
