import type { Clock, Timer } from '../core/clock.js';
import { BackendError } from '../core/errors.js';
import type { NodeDefinitions } from '../graph/index.js';
import type { Backend } from './spec.js';

/** Node definitions to convert a UI workflow with: those of the backend that shall run it, or of any that answers. */
export type DefinitionSource = (options?: {
  readonly backendId?: string;
  readonly signal?: AbortSignal;
}) => Promise<NodeDefinitions>;

/** Definitions are megabytes to download and to parse; of all but one of a large fleet it would be for nothing. */
const ASKED_AT_ONCE = 3;
const PATIENCE_MS = 3_000;

/**
 * Asks backends that run graphs and takes the first answer: a few at once in the order of the configuration, the next one
 * when one fails, and some more when none has answered for a while. Adapters cache theirs, and who answered last is asked
 * first, so that from the second time on nobody waits for those that are down.
 *
 * A ComfyDeploy runs deployments and has no definitions. It would be the quickest to answer, and every node class would
 * look missing.
 *
 * Throws BackendError: that of the first backend when none answers, `deployment_mismatch` when only ComfyDeploy is there to
 * be asked, `backend_unreachable` when nothing is.
 */
export function definitionsOf(backends: readonly Backend[], clock: Clock): DefinitionSource {
  let lastId: string | null = null;
  return async ({ backendId, signal } = {}) => {
    const wanted = backends.filter(({ id }) => backendId === undefined || id === backendId);
    const asked = wanted.filter(({ kind }) => kind !== 'comfydeploy');
    const [first] = asked;
    if (first === undefined) throw nobodyToAsk(wanted);
    signal?.throwIfAborted();
    const options = signal === undefined ? {} : { signal };
    const errors = new Map<Backend, unknown>();
    const asks = [...asked.filter(({ id }) => id === lastId), ...asked.filter(({ id }) => id !== lastId)].map(
      (backend) => async () => {
        try {
          const { nodeDefinitions } = await backend.capabilities(options);
          return { id: backend.id, nodeDefinitions };
        } catch (error) {
          errors.set(backend, error);
          throw error;
        }
      },
    );
    const answer = await firstAnswer(asks, clock, signal);
    // Of the first in the configuration, whatever the order was in which they failed.
    if (answer === null) throw errors.get(first) ?? [...errors.values()][0];
    if (backendId === undefined) lastId = answer.id;
    return answer.nodeDefinitions;
  };
}

/** Null when all fail, or those under way after the signal. What is under way at the first answer goes on unheard. */
function firstAnswer<T>(
  asks: readonly (() => Promise<T>)[],
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<T | null> {
  return new Promise((resolve) => {
    let next = 0;
    let open = 0;
    let isOver = false;
    let timer: Timer | null = null;
    const end = (answer: T | null) => {
      isOver = true;
      timer?.cancel();
      resolve(answer);
    };
    const askOne = () => {
      const ask = asks[next];
      // Who has given up must not be why the rest of the fleet is asked.
      if (isOver || ask === undefined || signal?.aborted === true) return;
      next += 1;
      open += 1;
      ask().then(end, () => {
        open -= 1;
        askOne();
        if (open === 0) end(null);
      });
    };
    const askSome = () => {
      for (let count = 0; count < ASKED_AT_ONCE; count += 1) askOne();
      if (next < asks.length) timer = clock.setTimer(askSome, PATIENCE_MS);
    };
    askSome();
    if (open === 0) end(null);
  });
}

function nobodyToAsk([deploying]: readonly Backend[]): BackendError {
  return deploying === undefined
    ? new BackendError('backend_unreachable', 'There is no backend to say which node classes it has.')
    : new BackendError(
        'deployment_mismatch',
        `The backend ${deploying.id} runs deployments, and cannot say which node classes it has.`,
      );
}
