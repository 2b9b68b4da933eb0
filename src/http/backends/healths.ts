import type { Backend, BackendHealth } from '../../backends/index.js';
import type { Clock } from '../../core/clock.js';

export interface BackendLook {
  readonly backend: Backend;
  readonly health: BackendHealth;
}

/** So many probes may ask at once, and so often: a backend is asked at most once in this time. */
const FRESH_MS = 2_000;
const LIMIT_MS = 3_000;

/** The health of all backends, asked when somebody wants to know. */
export class BackendHealths {
  readonly #backends: readonly Backend[];
  readonly #clock: Clock;
  #latest: { readonly at: number; readonly looks: Promise<readonly BackendLook[]> } | null = null;

  constructor(backends: readonly Backend[], clock: Clock) {
    this.#backends = backends;
    this.#clock = clock;
  }

  /** In the order of the configuration. Never throws. */
  look(): Promise<readonly BackendLook[]> {
    const now = this.#clock.now();
    if (this.#latest === null || now - this.#latest.at >= FRESH_MS || now < this.#latest.at) {
      this.#latest = { at: now, looks: Promise.all(this.#backends.map(lookAt)) };
    }
    return this.#latest.looks;
  }
}

async function lookAt(backend: Backend): Promise<BackendLook> {
  return { backend, health: await backend.health({ timeoutMs: LIMIT_MS }) };
}
