/**
 * What a fake ComfyDeploy does wrong. Each fault stays until it is set anew or cleared; those with `count` use themselves up.
 * Routes are named as in the protocol: `POST /run/deployment/queue`, `GET /run/{id}`, `POST /file/upload`, `GET /files`, or
 * `*` for all.
 */
export interface ComfyDeployFaults {
  readonly latencyMs?: Readonly<Record<string, number>>;
  /** Accepted connections on which no answer comes. */
  readonly silentRoutes?: readonly string[];
  /** The next requests of a route get this status instead of being handled. */
  readonly errors?: readonly RouteError[];
  /** The next runs are made, and the connection is cut before the answer. */
  readonly dropAcceptedSubmits?: { readonly count: number };
  /** The next runs are made, cannot be handed to the machine, become `failed`, and the answer is 500. */
  readonly failedHandOvers?: { readonly count: number };
  /**
   * - early     the first report arrives before the answer to the submit
   * - double    each is sent twice
   * - reversed  those of a run are sent in reverse order, at its end
   * - never     none is sent
   */
  readonly webhooks?: 'normal' | 'early' | 'double' | 'reversed' | 'never';
  /** A cancel is refused with 500, as for machines that are not serverless. */
  readonly refusesCancel?: boolean;
  /** The next file downloads break off. */
  readonly cutFiles?: { readonly count: number; readonly afterBytes: number };
  /** The route that lists runs is not there. */
  readonly withoutRunList?: boolean;
}

export interface RouteError {
  readonly route: string;
  readonly status: number;
  readonly count: number;
  readonly retryAfterS?: number;
  /** Instead of `{"detail": ...}`. */
  readonly text?: string;
}

export class FaultBook {
  #plan: ComfyDeployFaults = {};
  readonly #left = new Map<unknown, number>();

  get plan(): ComfyDeployFaults {
    return this.#plan;
  }

  set(changes: ComfyDeployFaults): void {
    this.#plan = { ...this.#plan, ...changes };
  }

  clear(): void {
    this.#plan = {};
  }

  /** True while the fault has uses left; takes one. */
  use(fault: { readonly count: number } | undefined): boolean {
    if (fault === undefined) return false;
    const left = this.#left.get(fault) ?? fault.count;
    this.#left.set(fault, left - 1);
    return left > 0;
  }

  errorOf(route: string): RouteError | null {
    return this.#plan.errors?.find((error) => matches(error.route, route) && this.use(error)) ?? null;
  }

  isSilent(route: string): boolean {
    return this.#plan.silentRoutes?.some((pattern) => matches(pattern, route)) ?? false;
  }

  latencyMs(route: string): number {
    return Object.entries(this.#plan.latencyMs ?? {}).find(([pattern]) => matches(pattern, route))?.[1] ?? 0;
  }
}

function matches(pattern: string, route: string): boolean {
  return pattern === '*' || pattern === route;
}
