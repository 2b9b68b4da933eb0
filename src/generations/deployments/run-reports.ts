import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Backend } from '../../backends/spec.js';
import type { Clock } from '../../core/clock.js';
import { toEaselError } from '../../core/errors.js';
import { isId } from '../../core/ids.js';
import type { Logger } from '../../core/log.js';
import { OPEN_ATTEMPT_STATUSES } from '../../core/statuses.js';
import { type Db, SharedSecret } from '../../db/index.js';

/**
 * Webhooks of backends that report on runs, at `PUBLIC_URL/v1/hooks/comfydeploy/<attempt id>.<code>`.
 *
 * They come unsigned, early, late, twice and in any order (comfydeploy.md 4). So the path itself is the proof: its code is
 * an HMAC of the attempt's id under a key that all nodes share, which needs no row before the run exists and survives
 * restarts. And a report is a hint alone: it is kept as one row, the node that runs the attempt hears of it by way of the
 * database, and reads the run.
 */
export interface RunReportsOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Under which the backend reaches this Easel; null when it does not, and runs are polled. */
  readonly publicUrl: string | null;
  /** Of this process, as they are at the moment: those that are reported on hear of it. */
  readonly backends: () => readonly Backend[];
}

const REPORT_PATH = '/v1/hooks/comfydeploy';
const TOPIC = 'run-reports';
const CODE_BYTES = 24;

export class RunReports {
  readonly #options: RunReportsOptions;
  readonly #secret: SharedSecret;
  /** The newest report passed on, by attempt. */
  #passedOn: ReadonlyMap<string, number> = new Map();
  #unsubscribe: (() => void) | null = null;
  #delivering: Promise<void> = Promise.resolve();

  constructor(options: RunReportsOptions) {
    this.#options = options;
    this.#secret = new SharedSecret({ db: options.db, clock: options.clock, name: 'run-reports' });
  }

  start(): void {
    this.#unsubscribe ??= this.#options.db.changes.subscribe(TOPIC, () => {
      this.#delivering = this.#delivering.then(() => this.#deliver());
    });
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    await this.#delivering;
  }

  /** Null where nothing can reach us. */
  async urlOf(attemptId: string): Promise<string | null> {
    const { publicUrl } = this.#options;
    if (publicUrl === null) return null;
    return `${publicUrl.replace(/\/+$/, '')}${REPORT_PATH}/${attemptId}.${await this.#codeOf(attemptId)}`;
  }

  /**
   * Takes a report on. False when the path is not one that was given out. A report on what has ended, or is not there any
   * more, is true and forgotten: the sender shall not try again.
   */
  async receive(token: string, runId: string | null): Promise<boolean> {
    const [attemptId = '', code = ''] = token.split('.');
    if (!isId(attemptId) || !isSame(code, await this.#codeOf(attemptId))) return false;
    const { db, clock } = this.#options;
    const isKept = await db.transaction(async (tx) => {
      const attempt = await tx
        .selectFrom('attempts')
        .select('id')
        .where('id', '=', attemptId)
        .where('status', 'in', OPEN_ATTEMPT_STATUSES)
        .executeTakeFirst();
      if (attempt === undefined) return false;
      const row = { run_id: runId, received_at: clock.now() };
      await tx
        .insertInto('run_reports')
        .values({ attempt_id: attemptId, seq: 1, ...row })
        .onConflict((conflict) =>
          conflict.column('attempt_id').doUpdateSet((eb) => ({ ...row, seq: eb('run_reports.seq', '+', 1) })),
        )
        .execute();
      return true;
    });
    if (isKept) db.changes.publish(TOPIC);
    return true;
  }

  /** Never throws: a report that gets lost here costs the time until the next poll. */
  async #deliver(): Promise<void> {
    const reported = this.#options.backends().filter((backend) => backend.noteReport !== undefined);
    if (reported.length === 0) return;
    const backends = new Map(reported.map((backend) => [backend.id, backend]));
    try {
      const rows = await this.#options.db.kysely
        .selectFrom('run_reports')
        .innerJoin('attempts', 'attempts.id', 'run_reports.attempt_id')
        .select(['run_reports.attempt_id as attemptId', 'run_reports.run_id as runId', 'run_reports.seq as seq'])
        .select('attempts.backend_id as backendId')
        .where('attempts.status', 'in', OPEN_ATTEMPT_STATUSES)
        .where('attempts.backend_id', 'in', [...backends.keys()])
        .execute();
      const before = this.#passedOn;
      this.#passedOn = new Map(rows.map(({ attemptId, seq }) => [attemptId, seq]));
      for (const { attemptId, runId, seq, backendId } of rows)
        if ((before.get(attemptId) ?? 0) < seq) backends.get(backendId)?.noteReport?.(attemptId, runId);
    } catch (error) {
      this.#options.logger.warn({ err: toEaselError(error) }, 'reports of runs could not be read');
    }
  }

  async #codeOf(attemptId: string): Promise<string> {
    return createHmac('sha256', await this.#secret.read())
      .update(attemptId)
      .digest()
      .subarray(0, CODE_BYTES)
      .toString('base64url');
  }
}

function isSame(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
