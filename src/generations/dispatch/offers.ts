import type { Backend } from '../../backends/spec.js';
import type { Clock } from '../../core/clock.js';
import { toEaselError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import type { Db } from '../../db/index.js';
import { DefinitionIndex } from '../../graph/index.js';
import { type BackendOffer, type Needs, type Refusal, refusalOf } from './needs.js';

/**
 * Who can run what. An owner asks its backends what they have, compares it with each set of needs once, and stores the
 * refusals, so that every node can tell why a job waits. What is not known refuses nothing: a wrong "no" would leave a job
 * waiting for good, a wrong "yes" costs one try.
 */
export interface OfferTraits {
  readonly tags: readonly string[];
  /** Configured; else what the backend tells. */
  readonly vramBytes: number | null;
}

interface OwnOffer {
  readonly backend: Backend;
  readonly traits: OfferTraits;
  offer: BackendOffer;
  readonly verdicts: Map<string, Refusal | null>;
  /** Refusals that are not stored yet, and those that are stored and hold no more. */
  readonly changed: Set<string>;
  refreshing: Promise<void> | null;
  /** The first answer is waited for; a later one is not, because what was told before mostly holds. */
  wasAsked: boolean;
  answeredAt: number;
  isStale: boolean;
}

interface KeptNeeds {
  /** Null when nobody stored what the key means. */
  readonly needs: Needs | null;
  readonly refusedBy: ReadonlySet<string>;
  readonly readAt: number;
}

const KEPT_MS = 5_000;
const MAX_KEPT = 10_000;
const ASK_LIMIT_MS = 180_000;
/** Answers are large, and a ComfyUI works them out in the thread that also runs its sockets. */
const ASK_AGAIN_MS = 60_000;

export class Offers {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #own = new Map<string, OwnOffer>();
  readonly #needs = new Map<string, KeptNeeds>();

  constructor(db: Db, clock: Clock, logger: Logger) {
    this.#db = db;
    this.#clock = clock;
    this.#logger = logger;
  }

  attach(backend: Backend, traits: OfferTraits): void {
    this.#own.set(backend.id, {
      backend,
      traits,
      offer: { id: backend.id, kind: backend.kind, tags: traits.tags, vramBytes: traits.vramBytes, definitions: null },
      verdicts: new Map(),
      changed: new Set(),
      refreshing: null,
      wasAsked: false,
      answeredAt: 0,
      isStale: true,
    });
  }

  detach(backendId: string): void {
    this.#own.delete(backendId);
  }

  /** It was connected anew, and may have been restarted with other nodes and models. */
  doubt(backendId: string): void {
    const own = this.#own.get(backendId);
    if (own !== undefined) own.isStale = true;
  }

  /** What the backend has is known, and was not put in doubt. */
  isKnown(backendId: string): boolean {
    const own = this.#own.get(backendId);
    return own === undefined || (own.wasAsked && !own.isStale);
  }

  /** Nobody has what something waits for. People put files on a server that runs, and it tells nobody. */
  askAgain(backendIds: Iterable<string>): void {
    const dueAt = this.#clock.now() - ASK_AGAIN_MS;
    for (const id of backendIds) {
      const own = this.#own.get(id);
      if (own?.wasAsked === true && own.answeredAt <= dueAt) own.isStale = true;
    }
  }

  /** Asks what is not known or may have changed. Resolves when something is known, not when it is certain. */
  async ready(backendId: string, signal: AbortSignal): Promise<void> {
    const own = this.#own.get(backendId);
    if (own === undefined || !own.isStale) return;
    const asked = this.#refresh(own, signal);
    if (!own.wasAsked) await asked;
  }

  wasAsked(backendId: string): boolean {
    return this.#own.get(backendId)?.wasAsked === true;
  }

  /** Of what `load` has read. Undefined: the needs were not read yet. */
  refusal(backendId: string, needsKey: string): Refusal | null | undefined {
    const kept = this.#needs.get(needsKey);
    if (kept === undefined) return undefined;
    const own = this.#own.get(backendId);
    if (own === undefined) return kept.refusedBy.has(backendId) ? OTHERS_REFUSAL : null;
    let verdict = own.verdicts.get(needsKey);
    if (verdict === undefined) {
      verdict = kept.needs === null ? null : refusalOf(kept.needs, own.offer);
      own.verdicts.set(needsKey, verdict);
      if ((verdict !== null) !== kept.refusedBy.has(backendId)) own.changed.add(needsKey);
    }
    return verdict;
  }

  async load(needsKeys: Iterable<string>): Promise<void> {
    const dueAt = this.#clock.now() - KEPT_MS;
    const due = [...new Set(needsKeys)].filter((key) => (this.#needs.get(key)?.readAt ?? 0) < dueAt);
    for (let at = 0; at < due.length; at += PAGE) await this.#loadPage(due.slice(at, at + PAGE));
  }

  /** Stores what changed since the last time. */
  async publish(): Promise<void> {
    for (const own of this.#own.values()) {
      const keys = [...own.changed];
      own.changed.clear();
      if (keys.length === 0) continue;
      try {
        await this.#store(own, keys);
      } catch (error) {
        for (const key of keys) own.changed.add(key);
        throw error;
      }
    }
  }

  #refresh(own: OwnOffer, signal: AbortSignal): Promise<void> {
    own.refreshing ??= this.#ask(own, signal).finally(() => {
      own.refreshing = null;
    });
    return own.refreshing;
  }

  /** Never rejects: what the backend does not tell stays unknown. */
  async #ask(own: OwnOffer, signal: AbortSignal): Promise<void> {
    const { backend, traits } = own;
    own.isStale = false;
    let definitions: DefinitionIndex | null = null;
    let vramBytes = traits.vramBytes;
    try {
      const told = await backend.capabilities({ refresh: true, timeoutMs: ASK_LIMIT_MS, signal });
      // A backend that names no class at all is not described by that.
      if (Object.keys(told.nodeDefinitions).length > 0) definitions = new DefinitionIndex(told.nodeDefinitions);
      vramBytes ??= Math.max(0, ...told.devices.map((device) => device.vramTotalBytes ?? 0)) || null;
    } catch (thrown) {
      if (signal.aborted) return;
      this.#logger.warn(
        { backend: backend.id, err: toEaselError(thrown) },
        'the backend does not say what it has; it is taken to have everything',
      );
    }
    own.wasAsked = true;
    own.answeredAt = this.#clock.now();
    own.offer = { ...own.offer, definitions, vramBytes };
    for (const key of own.verdicts.keys()) own.changed.add(key);
    own.verdicts.clear();
  }

  async #loadPage(keys: readonly string[]): Promise<void> {
    const { kysely } = this.#db;
    const needs = await kysely
      .selectFrom('dispatch_needs')
      .select(['needs_key', 'needs'])
      .where('needs_key', 'in', keys)
      .execute();
    const refusals = await kysely
      .selectFrom('dispatch_refusals')
      .select(['needs_key', 'backend_id'])
      .where('needs_key', 'in', keys)
      .execute();
    const readAt = this.#clock.now();
    for (const key of keys) {
      const row = needs.find((one) => one.needs_key === key);
      const refusedBy = new Set(refusals.filter((one) => one.needs_key === key).map((one) => one.backend_id));
      this.#needs.delete(key);
      this.#needs.set(key, { needs: row === undefined ? null : (JSON.parse(row.needs) as Needs), refusedBy, readAt });
      if (this.#needs.size > MAX_KEPT) this.#forget(this.#needs.keys().next().value!);
    }
  }

  #forget(key: string): void {
    this.#needs.delete(key);
    for (const own of this.#own.values()) own.verdicts.delete(key);
  }

  async #store(own: OwnOffer, keys: readonly string[]): Promise<void> {
    const refused = keys.flatMap((key) => {
      const verdict = own.verdicts.get(key) ?? null;
      return verdict === null ? [] : [{ key, reason: JSON.stringify(verdict) }];
    });
    await this.#db.transaction(async (tx) => {
      await tx
        .deleteFrom('dispatch_refusals')
        .where('backend_id', '=', own.backend.id)
        .where('needs_key', 'in', [...keys])
        .execute();
      if (refused.length === 0) return;
      await tx
        .insertInto('dispatch_refusals')
        .values(refused.map(({ key, reason }) => ({ backend_id: own.backend.id, needs_key: key, reason })))
        .onConflict((conflict) => conflict.columns(['backend_id', 'needs_key']).doNothing())
        .execute();
    });
  }
}

const PAGE = 200;
/** What the owner found is told by `why`; here only the fact counts. */
const OTHERS_REFUSAL: Refusal = { reason: 'nodes', missing: [] };
