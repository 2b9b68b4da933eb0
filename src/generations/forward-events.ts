import type { Backend, BackendEvent } from '../backends/spec.js';
import type { Clock } from '../core/clock.js';
import type { Graph } from '../graph/types.js';
import type { EventHub } from './event-hub.js';
import { ProgressTracker } from './progress.js';
import type { AttemptIdentity } from './settle.js';

/** Passes progress, previews and warnings of an attempt on to whoever follows. Returns the unsubscribe function. */
export function forwardEvents(
  { hub, clock }: { readonly hub: EventHub; readonly clock: Clock },
  backend: Pick<Backend, 'onEvent'>,
  { generationId, attemptId }: AttemptIdentity,
  graph: Graph,
): () => void {
  const progress = new ProgressTracker(graph);
  return backend.onEvent((event: BackendEvent) => {
    if (!('attemptId' in event) || event.attemptId !== attemptId) return;
    const at = clock.now();
    if (event.type === 'preview') {
      const { nodeId, contentType, bytes } = event;
      hub.publish({ generationId, type: 'preview', at, data: { nodeId, contentType, bytes } });
    } else if (event.type === 'warning') {
      hub.publish({ generationId, type: 'warning', at, data: { nodeId: event.nodeId, message: event.message } });
    } else {
      const data = progress.accept(event);
      if (data !== null) hub.publish({ generationId, type: 'progress', at, data });
    }
  });
}
