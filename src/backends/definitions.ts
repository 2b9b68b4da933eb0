import type { NodeDefinitions } from '../graph/index.js';
import type { Backend } from './spec.js';

/** Node definitions to convert a UI workflow with: those of the backend that shall run it, or of any that answers. */
export type DefinitionSource = (options?: {
  readonly backendId?: string;
  readonly signal?: AbortSignal;
}) => Promise<NodeDefinitions>;

/**
 * Asks all backends and takes the first answer. Adapters cache theirs, so that from the second time on it is the first
 * backend that is up, in the order of the configuration. Throws BackendError of the first backend when none answers.
 */
export function definitionsOf(backends: readonly Backend[]): DefinitionSource {
  return async ({ backendId, signal } = {}) => {
    const asked = backends.filter((backend) => backendId === undefined || backend.id === backendId);
    const options = signal === undefined ? {} : { signal };
    const answers = asked.map(async (backend) => (await backend.capabilities(options)).nodeDefinitions);
    try {
      return await Promise.any(answers);
    } catch (error) {
      throw error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
    }
  };
}
