import { z } from 'zod';
import { type Clock, sleep } from '../core/clock.js';
import type { RunFaults } from './core.js';
import type { ExecutionFaults } from './executor.js';
import { type HttpAnswer, text } from './http-answer.js';
import type { HttpFaults } from './http-server.js';
import { PythonError } from './python-errors.js';

/**
 * Faults on purpose. A plan says what goes wrong; it can be changed while the engine runs, and it is deterministic: what
 * happens depends on the plan and on the order of requests, never on chance.
 *
 * Faults with `count` use themselves up. Without `count`, a fault stays until the plan is cleared.
 */
const nodeMatch = z.strictObject({
  /** Only this class; any when absent. */
  classType: z.string().optional(),
  /** Only this node id; any when absent. */
  nodeId: z.string().optional(),
  /** How often. */
  count: z.int().positive().optional(),
});

const milliseconds = z.number().nonnegative();

export const faultPlanSchema = z.strictObject({
  /** Extra time before a request is handled, by route (`POST /prompt`, `GET /history/{id}` as `GET /history/`) or `*`. */
  latencyMs: z.record(z.string(), milliseconds).optional(),
  /** Routes that never answer, as in `latencyMs`. HTTP accepts the connection and stays silent. */
  silentRoutes: z.array(z.string()).optional(),
  /** The next submits get this status instead of being handled; nothing is stored. */
  submitErrors: z
    .strictObject({ count: z.int().positive(), status: z.int().min(400).max(599).default(500) })
    .optional(),
  /** The next submits are accepted, but the connection is cut before the answer. */
  dropAcceptedSubmits: z.strictObject({ count: z.int().positive() }).optional(),
  /** The next prompts vanish right after they were stored, as if somebody had deleted them. */
  losePrompts: z.strictObject({ count: z.int().positive() }).optional(),
  /** All websockets are cut when a matching node starts. */
  dropSocketsAtNode: nodeMatch.optional(),
  /** The executor wedges when a matching node starts: HTTP stays up, nothing runs any more, interrupts do nothing. */
  hangAtNode: nodeMatch.optional(),
  /** A matching node fails for want of memory. */
  outOfMemoryAtNode: nodeMatch.optional(),
  /**
   * History appears late. Announced first, the frames that end the run (`status`, `executing: null`) precede it and the
   * prompt is for that time neither in the queue nor in the history; otherwise everything waits.
   */
  history: z
    .strictObject({
      delayMs: milliseconds,
      isAnnouncedFirst: z.boolean().default(true),
      count: z.int().positive().optional(),
    })
    .optional(),
  /** Files come late, or the connection is cut after so many bytes. */
  view: z
    .strictObject({
      delayMs: milliseconds.default(0),
      cutAfterBytes: z.int().nonnegative().optional(),
      count: z.int().positive().optional(),
    })
    .optional(),
});

export type FaultPlan = z.input<typeof faultPlanSchema>;
type ActivePlan = z.output<typeof faultPlanSchema>;

export interface FaultsOptions {
  readonly clock: Clock;
  /** Cuts all websockets. */
  readonly dropSockets: () => void;
}

export class Faults implements HttpFaults, ExecutionFaults, RunFaults {
  readonly #options: FaultsOptions;
  #plan: ActivePlan = {};
  /** Uses left of faults that count. */
  readonly #left = new Map<keyof ActivePlan, number>();
  #life = new AbortController();

  constructor(options: FaultsOptions, plan: FaultPlan = {}) {
    this.#options = options;
    this.set(plan);
  }

  /** Changes the given faults and leaves the others. Throws ZodError when the plan is malformed. */
  set(changes: FaultPlan): void {
    const parsed = faultPlanSchema.parse(changes);
    this.#plan = { ...this.#plan, ...parsed };
    for (const [name, fault] of Object.entries(parsed)) {
      const key = name as keyof ActivePlan;
      if (isCounted(fault)) this.#left.set(key, fault.count);
      else this.#left.delete(key);
    }
  }

  /** Ends all faults. A wedged executor stays wedged, as nothing but a restart frees it. */
  clear(): void {
    this.#plan = {};
    this.#left.clear();
  }

  /** The plan as it stands, without faults that are used up. */
  get plan(): FaultPlan {
    return Object.fromEntries(
      Object.entries(this.#plan).filter(([name]) => this.#left.get(name as keyof ActivePlan) !== 0),
    );
  }

  /** Frees everything that waits in a fault. For the end of a life of the engine. */
  release(): void {
    this.#life.abort(new Error('The engine stopped.'));
    this.#life = new AbortController();
  }

  async wait(ms: number): Promise<void> {
    await sleep(this.#options.clock, ms, this.#life.signal).catch(() => {});
  }

  async beforeRoute(method: string, path: string): Promise<HttpAnswer | 'silent' | null> {
    const { latencyMs, silentRoutes, submitErrors } = this.#plan;
    const route = `${method} ${path.replace(/^\/api(?=\/)/, '')}`;
    const matches = (pattern: string) =>
      pattern === '*' || pattern === route || (pattern.endsWith('/') && route.startsWith(pattern));
    const delayMs = Object.entries(latencyMs ?? {}).find(([pattern]) => matches(pattern))?.[1] ?? 0;
    if (delayMs > 0) await this.wait(delayMs);
    if (silentRoutes?.some(matches)) return 'silent';
    if (submitErrors && isSubmit(method, path) && this.#use('submitErrors')) {
      return text(`${submitErrors.status}: fault on purpose`, submitErrors.status);
    }
    return null;
  }

  afterRoute(method: string, path: string, answer: HttpAnswer): 'send' | 'cut' {
    const isAccepted = isSubmit(method, path) && answer.status === 200;
    return isAccepted && this.#plan.dropAcceptedSubmits && this.#use('dropAcceptedSubmits') ? 'cut' : 'send';
  }

  fileDelivery(): { readonly delayMs: number; readonly cutAfterBytes: number | null } {
    const { view } = this.#plan;
    if (!view || !this.#use('view')) return { delayMs: 0, cutAfterBytes: null };
    return { delayMs: view.delayMs, cutAfterBytes: view.cutAfterBytes ?? null };
  }

  async beforeNode(node: { readonly nodeId: string; readonly classType: string }): Promise<void> {
    if (this.#hits('dropSocketsAtNode', node)) this.#options.dropSockets();
    if (this.#hits('hangAtNode', node)) await this.#forever();
    if (this.#hits('outOfMemoryAtNode', node)) {
      throw new PythonError('torch.OutOfMemoryError', 'Allocation on device 0 would exceed allowed memory.');
    }
  }

  losesNextPrompt(): boolean {
    return this.#plan.losePrompts !== undefined && this.#use('losePrompts');
  }

  historyDelay(): { readonly ms: number; readonly isAnnouncedFirst: boolean } | null {
    const { history } = this.#plan;
    if (!history || !this.#use('history')) return null;
    return { ms: history.delayMs, isAnnouncedFirst: history.isAnnouncedFirst };
  }

  #hits(
    name: 'dropSocketsAtNode' | 'hangAtNode' | 'outOfMemoryAtNode',
    node: { readonly nodeId: string; readonly classType: string },
  ): boolean {
    const match = this.#plan[name];
    if (!match) return false;
    if (match.classType !== undefined && match.classType !== node.classType) return false;
    if (match.nodeId !== undefined && match.nodeId !== node.nodeId) return false;
    return this.#use(name);
  }

  /** True while the fault has uses left; takes one. */
  #use(name: keyof ActivePlan): boolean {
    const left = this.#left.get(name);
    if (left === undefined) return true;
    if (left === 0) return false;
    this.#left.set(name, left - 1);
    return true;
  }

  /** Until the engine stops or restarts. */
  #forever(): Promise<never> {
    const { signal } = this.#life;
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
}

function isSubmit(method: string, path: string): boolean {
  return method === 'POST' && (path === '/prompt' || path === '/api/prompt');
}

function isCounted(fault: unknown): fault is { readonly count: number } {
  return typeof fault === 'object' && fault !== null && 'count' in fault && typeof fault.count === 'number';
}
