import type { ErrorInfo } from '../core/errors.js';
import { type Lane, laneName } from '../core/lanes.js';
import type { Logger } from '../core/log.js';
import { type GenerationStatus, isGenerationTerminal, OPEN_GENERATION_STATUSES } from '../core/statuses.js';
import type { Db } from '../db/index.js';
import type { OpenedMedia } from '../media/index.js';
import type { FollowOptions } from './follow.js';
import type { Generations } from './service.js';
import type { GenerationSweepReport } from './sweep.js';
import type { Generation, GenerationEvent, GenerationOutput, GenerationRequest } from './types.js';

/**
 * ComfyUI as a service, over all backends: hand a graph in, follow it, fetch what it made, stop it. Which backend runs it,
 * how often it is tried, and who owns which server are not the caller's concern, but can be seen.
 *
 * It is a view of `Generations`: what is submitted here can be listed there, and the other way round.
 */
export interface ComfyUiServiceOptions {
  readonly db: Db;
  readonly logger: Logger;
  readonly generations: Generations;
}

/** Where an active request is. */
export type RequestPhase = 'queued' | 'sending' | 'running' | 'collecting';

export interface ActiveRequest {
  readonly id: string;
  readonly accountId: string;
  readonly phase: RequestPhase;
  readonly lane: Lane;
  readonly workflowName: string | null;
  /** Of the present try: the backend's prompt id. Null while it waits. */
  readonly attemptId: string | null;
  readonly backendId: string | null;
  /** The node that follows it. */
  readonly nodeId: string | null;
  /** Tries that count so far. */
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly createdAt: number;
  /** Since when it is in this phase, as far as it is stored; of a waiting one, when it may be taken. */
  readonly since: number;
  /** When it is given up in this phase: the queue deadline, or the end of the run limit. */
  readonly deadlineAt: number;
  readonly cancelRequested: boolean;
  /** Of the last try, when there was one. */
  readonly lastError: ErrorInfo | null;
}

export interface RequestStatus {
  readonly id: string;
  readonly status: GenerationStatus;
  readonly isActive: boolean;
  /** Null when it has ended. */
  readonly active: ActiveRequest | null;
  readonly error: ErrorInfo | null;
}

export interface RequestResult {
  readonly id: string;
  readonly status: 'succeeded' | 'failed' | 'cancelled' | 'expired';
  readonly error: ErrorInfo | null;
  readonly outputs: readonly GenerationOutput[];
  /** Streams one output file. The caller reads it to its end or destroys it. Throws `not_found`. */
  open(ordinal: number): Promise<OpenedMedia & { readonly contentType: string; readonly filename: string }>;
}

export interface ActiveFilter {
  readonly accountId?: string;
  readonly backendId?: string;
  readonly phase?: RequestPhase;
  /** 1 to 1,000; 200 unless told. Oldest first. */
  readonly limit?: number;
}

export class ComfyUiService {
  readonly #options: ComfyUiServiceOptions;
  readonly #logger: Logger;

  constructor(options: ComfyUiServiceOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ service: 'comfyui' });
  }

  /**
   * Accepts a request; once this resolves it is durable and ends exactly once. The same idempotency key with the same
   * request returns the first one. Throws what `Generations.submit` throws.
   */
  async submit(request: GenerationRequest): Promise<RequestStatus> {
    const { generation, isNew } = await this.#options.generations.accept(request);
    this.#logger.info(
      { generation: generation.id, account: generation.accountId, isNew, lane: generation.lane },
      isNew ? 'accepted' : 'accepted before under this key',
    );
    return this.#status(generation);
  }

  /** Throws `not_found`. */
  async status(id: string, accountId: string): Promise<RequestStatus> {
    return this.#status(await this.#options.generations.get(id, accountId));
  }

  /**
   * Resolves when it has ended, however it did. Throws `wait_timeout` (it goes on), `not_found`, and the signal's reason.
   */
  async result(
    id: string,
    accountId: string,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<RequestResult> {
    const { generations } = this.#options;
    const { status, error, outputs } = await generations.wait(id, accountId, options);
    return {
      id,
      status: status as RequestResult['status'],
      error,
      outputs,
      open: (ordinal) => generations.openOutput(id, accountId, ordinal),
    };
  }

  /**
   * Asks for its end, in whatever phase it is. What waits is gone at once; on a backend it is stopped and seen to have
   * stopped, which takes a moment. Throws `not_found`.
   */
  async cancel(id: string, accountId: string): Promise<RequestStatus> {
    const before = await this.#active(id);
    const generation = await this.#options.generations.cancel(id, accountId);
    this.#logger.info(
      { generation: id, attempt: before?.attemptId ?? null, backend: before?.backendId ?? null, phase: before?.phase },
      'cancel asked for',
    );
    return this.#status(generation);
  }

  /** What is under way or waits, over all nodes, oldest first. */
  async active(filter: ActiveFilter = {}): Promise<ActiveRequest[]> {
    let query = activeQuery(this.#options.db);
    if (filter.accountId !== undefined) query = query.where('generations.account_id', '=', filter.accountId);
    if (filter.backendId !== undefined) query = query.where('attempts.backend_id', '=', filter.backendId);
    if (filter.phase === 'queued') query = query.where('generations.status', '=', 'queued');
    if (filter.phase === 'collecting') query = query.where('generations.status', '=', 'collecting');
    if (filter.phase === 'running')
      query = query.where('generations.status', '=', 'running').where('attempts.status', '=', 'running');
    if (filter.phase === 'sending')
      query = query.where('generations.status', '=', 'running').where('attempts.status', 'in', ['claimed', 'sent']);
    const rows = await query
      .orderBy('generations.id')
      .limit(Math.min(1_000, Math.max(1, filter.limit ?? 200)))
      .execute();
    return rows.map(toActive);
  }

  /** The events of one request, durable ones from any node, resumable; ends after the terminal one. Throws `not_found`. */
  events(id: string, accountId: string, options: FollowOptions = {}): AsyncGenerator<GenerationEvent, void, undefined> {
    return this.#options.generations.events(id, accountId, options);
  }

  /**
   * Every event that this process makes, of all accounts: what it submits, and what its backends do. Told once, after the
   * commit; for a complete record follow single requests or read webhooks. Returns the unsubscribe function.
   */
  on<Type extends GenerationEvent['type']>(
    type: Type | '*',
    listener: (event: Extract<GenerationEvent, { type: Type }>) => void,
  ): () => void {
    return this.#options.generations.onEvent((event) => {
      if (type !== '*' && event.type !== type) return;
      try {
        listener(event as Extract<GenerationEvent, { type: Type }>);
      } catch (error) {
        this.#logger.error({ err: error, generation: event.generationId, event: event.type }, 'a listener threw');
      }
    });
  }

  /** Does at once what otherwise happens at every tick: ends what nobody took in time, or nobody follows any more. */
  async sweepStale(): Promise<GenerationSweepReport> {
    const report = await this.#options.generations.sweep();
    this.#logger.info({ ...report }, 'swept');
    return report;
  }

  async #status(generation: Generation): Promise<RequestStatus> {
    const { id, status, error } = generation;
    const active = isGenerationTerminal(status) ? null : await this.#active(id);
    return { id, status, isActive: !isGenerationTerminal(status), active, error };
  }

  async #active(id: string): Promise<ActiveRequest | null> {
    const row = await activeQuery(this.#options.db).where('generations.id', '=', id).executeTakeFirst();
    return row === undefined ? null : toActive(row);
  }
}

function activeQuery(db: Db) {
  return db.kysely
    .selectFrom('generations')
    .leftJoin('attempts', 'attempts.id', 'generations.current_attempt_id')
    .select([
      'generations.id as id',
      'account_id',
      'generations.status as status',
      'lane',
      'workflow_name',
      'attempts.id as attempt_id',
      'attempts.status as attempt_status',
      'attempts.backend_id as backend_id',
      'attempts.node_id as node_id',
      'attempts.claimed_at as claimed_at',
      'attempts.confirmed_at as confirmed_at',
      'attempt_count',
      'max_attempts',
      'available_at',
      'generations.created_at as created_at',
      'queue_deadline_at',
      'run_limit_ms',
      'cancel_requested_at',
      'generations.error as error',
    ])
    .where('generations.status', 'in', OPEN_GENERATION_STATUSES);
}

type ActiveRow = Awaited<ReturnType<ReturnType<typeof activeQuery>['execute']>>[number];

function toActive(row: ActiveRow): ActiveRequest {
  const phase = phaseOf(row);
  const since = phase === 'queued' ? row.available_at : (row.confirmed_at ?? row.claimed_at ?? row.created_at);
  return {
    id: row.id,
    accountId: row.account_id,
    phase,
    lane: laneName(row.lane),
    workflowName: row.workflow_name,
    attemptId: row.attempt_id,
    backendId: row.backend_id,
    nodeId: row.node_id,
    attempts: row.attempt_count,
    maxAttempts: row.max_attempts,
    createdAt: row.created_at,
    since,
    deadlineAt: phase === 'queued' || phase === 'sending' ? row.queue_deadline_at : since + row.run_limit_ms,
    cancelRequested: row.cancel_requested_at !== null,
    lastError: row.error === null ? null : (JSON.parse(row.error) as ErrorInfo),
  };
}

function phaseOf(row: ActiveRow): RequestPhase {
  if (row.status === 'queued') return 'queued';
  if (row.status === 'collecting') return 'collecting';
  return row.attempt_status === 'running' ? 'running' : 'sending';
}
