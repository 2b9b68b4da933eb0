import type { Backend, BackendCapabilities, BackendHealth } from '../backends/index.js';
import type { Config } from '../config/index.js';
import { BackendError } from '../core/errors.js';

/** For people: where the work is done. */
export function backendLabel(backend: Pick<Backend, 'kind' | 'displayUrl'>): string {
  return backend.kind === 'embedded' ? 'the built-in engine' : backend.displayUrl;
}

/**
 * A look before anything is asked of it: is it there, is it a ComfyUI? Then what it can do.
 * Throws BackendError `backend_unreachable`, `backend_not_comfyui`, `backend_unauthorized`, ...
 */
export async function askBackend(
  backend: Backend,
  signal?: AbortSignal,
): Promise<{ readonly health: BackendHealth; readonly capabilities: BackendCapabilities }> {
  const options = signal === undefined ? {} : { signal };
  const health = await backend.health(options);
  signal?.throwIfAborted();
  if (health.state !== 'ready') throw healthError(backend, health);
  return { health, capabilities: await backend.capabilities(options) };
}

export function healthError(backend: Pick<Backend, 'displayUrl'>, { state, error }: BackendHealth): BackendError {
  const code = error?.code ?? (state === 'wrong' ? 'backend_not_comfyui' : 'backend_unreachable');
  const message = error?.message ?? `${backend.displayUrl} does not answer as a ComfyUI server does.`;
  if (error === undefined) return new BackendError(code, message);
  const { hint, retryable, details } = error;
  return new BackendError(code, message, { hint, retryable, ...(details === undefined ? {} : { details }) });
}

/** Opens the one backend of a private configuration for a command that asks and does not run. */
export async function withBackend<T>(config: Config, use: (backend: Backend) => Promise<T>): Promise<T> {
  const [{ createBackend }, { silentLogger }, { systemClock }] = await Promise.all([
    import('../easel.js'),
    import('../core/log.js'),
    import('../core/clock.js'),
  ]);
  const [first] = config.backends;
  if (first === undefined) throw new BackendError('config_invalid', 'No backend is configured.');
  const backend = createBackend(first, config, { clock: systemClock, logger: silentLogger });
  try {
    await backend.start();
    return await use(backend);
  } finally {
    await backend.close();
  }
}
