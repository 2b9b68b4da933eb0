import { BackendError } from '../core/errors.js';
import type { NodeDefinitions } from '../graph/index.js';
import type { Backend } from './spec.js';

/** Node definitions to convert a UI workflow with: those of the backend that shall run it, or of any that answers. */
export type DefinitionSource = (options?: {
  readonly backendId?: string;
  readonly signal?: AbortSignal;
}) => Promise<NodeDefinitions>;

/**
 * Asks all backends that run graphs and takes the first answer. Adapters cache theirs, so that from the second time on it
 * is the first backend that is up, in the order of the configuration.
 *
 * A ComfyDeploy runs deployments and has no definitions. It would be the quickest to answer, and every node class would
 * look missing.
 *
 * Throws BackendError: that of the first backend when none answers, `deployment_mismatch` when only ComfyDeploy is there to
 * be asked, `backend_unreachable` when nothing is.
 */
export function definitionsOf(backends: readonly Backend[]): DefinitionSource {
  return async ({ backendId, signal } = {}) => {
    const wanted = backends.filter(({ id }) => backendId === undefined || id === backendId);
    const asked = wanted.filter(({ kind }) => kind !== 'comfydeploy');
    if (asked.length === 0) throw nobodyToAsk(wanted);
    const options = signal === undefined ? {} : { signal };
    const answers = asked.map(async (backend) => (await backend.capabilities(options)).nodeDefinitions);
    try {
      return await Promise.any(answers);
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  };
}

function nobodyToAsk([deploying]: readonly Backend[]): BackendError {
  return deploying === undefined
    ? new BackendError('backend_unreachable', 'There is no backend to say which node classes it has.')
    : new BackendError(
        'deployment_mismatch',
        `The backend ${deploying.id} runs deployments, and cannot say which node classes it has.`,
      );
}
