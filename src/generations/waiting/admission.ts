import type { Clock } from '../../core/clock.js';
import { EaselError } from '../../core/errors.js';
import { isGuest, passGate, useSession } from '../../sessions/index.js';
import type { Writer } from '../store.js';

/**
 * The waiting room: how much of an account, and of a session, may be open at a time.
 *
 * It is counted inside the transaction that accepts a generation, after standing in line at the gate of the account, so that
 * however many ask at the same moment on however many nodes, no more are accepted than there are places.
 */
export interface WaitingLimits {
  /** Waiting. */
  readonly maxQueued?: number | undefined;
  /** Waiting and running together. */
  readonly maxOpen?: number | undefined;
}

/** Asked before a generation is accepted. */
export interface Admission {
  /** Null lets everybody in. The function runs first in the transaction of the submit, and throws to refuse it. */
  prepare(request: Entrant): Promise<((tx: Writer) => Promise<void>) | null>;
}

export interface Entrant {
  readonly accountId: string;
  readonly sessionId: string | null;
}

export const openAdmission: Admission = {
  async prepare() {
    return null;
  },
};

export interface WaitingRoomOptions {
  readonly clock: Clock;
  readonly account: WaitingLimits;
  readonly session: WaitingLimits;
  /** For guests, in place of those for accounts. */
  readonly guest: WaitingLimits;
  /** What the plan of an account says goes before `account`. */
  readonly planOf: (accountId: string) => Promise<WaitingLimits>;
}

export class WaitingRoom implements Admission {
  readonly #options: WaitingRoomOptions;

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  async prepare({ accountId, sessionId }: Entrant): Promise<((tx: Writer) => Promise<void>) | null> {
    const { clock, session } = this.#options;
    const account = await this.#limitsOf(accountId);
    // A guest passes its gate in any case: it may be part of another account by now.
    if (!isGuest(accountId) && sessionId === null && !isLimited(account)) return null;
    return async (tx) => {
      const nowMs = clock.now();
      await passGate(tx, accountId, nowMs);
      if (sessionId !== null) await useSession(tx, sessionId, accountId, nowMs);
      if (isLimited(account)) check('account', account, await countOpen(tx, accountId, null));
      if (sessionId !== null && isLimited(session))
        check('session', session, await countOpen(tx, accountId, sessionId));
    };
  }

  async #limitsOf(accountId: string): Promise<WaitingLimits> {
    if (isGuest(accountId)) return this.#options.guest;
    const { account, planOf } = this.#options;
    const { maxQueued = account.maxQueued, maxOpen = account.maxOpen } = await planOf(accountId);
    return { maxQueued, maxOpen };
  }
}

function isLimited({ maxQueued, maxOpen }: WaitingLimits): boolean {
  return maxQueued !== undefined || maxOpen !== undefined;
}

interface Open {
  readonly queued: number;
  readonly running: number;
}

async function countOpen(tx: Writer, accountId: string, sessionId: string | null): Promise<Open> {
  let query = tx
    .selectFrom('generations')
    .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
    .where('account_id', '=', accountId)
    .where('finished_at', 'is', null)
    .groupBy('status');
  if (sessionId !== null) query = query.where('session_id', '=', sessionId);
  const rows = await query.execute();
  const queued = rows.find((row) => row.status === 'queued')?.count ?? 0;
  return { queued, running: rows.reduce((sum, row) => sum + row.count, 0) - queued };
}

function check(scope: 'account' | 'session', { maxQueued, maxOpen }: WaitingLimits, { queued, running }: Open): void {
  if (maxQueued !== undefined && queued >= maxQueued)
    throw full(`${queued} generations of this ${scope} are waiting; ${maxQueued} may.`, {
      ...{ scope, limit: maxQueued, counts: 'queued', queued, running },
    });
  if (maxOpen !== undefined && queued + running >= maxOpen)
    throw full(`${queued + running} generations of this ${scope} are waiting or running; ${maxOpen} may.`, {
      ...{ scope, limit: maxOpen, counts: 'open', queued, running },
    });
}

function full(message: string, details: Readonly<Record<string, unknown>>): EaselError {
  return new EaselError('waiting_room_full', message, { details });
}
