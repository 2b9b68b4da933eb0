import { BackendError } from '../core/errors.js';
import { describeUnservable, type Unservable } from './dispatch/unservable.js';
import type { EventHub } from './event-hub.js';
import { type SettleContext, settleQueued } from './settle.js';

/** Ends generations that no backend of the fleet can run, where the configuration does not let them wait for one. */
export async function failUnservable(settle: SettleContext, hub: EventHub, found: Unservable): Promise<void> {
  const reasons = new Set(found.refusals.map(({ refusal }) => refusal.reason));
  const code = reasons.has('models')
    ? 'backend_model_missing'
    : reasons.has('nodes')
      ? 'backend_node_missing'
      : 'backend_rejected_graph';
  const error = new BackendError(code, describeUnservable(found.refusals), { details: { backends: found.refusals } });
  for (const id of found.generationIds) {
    const event = await settleQueued(settle, id, 'failed', error);
    if (event !== null) hub.publish(event);
  }
}
