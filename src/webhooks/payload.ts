import type { DueDelivery } from './due.js';
import { type DescribeGeneration, TEST_EVENT } from './types.js';

/**
 * The body of a message, by Standard Webhooks: `type`, `timestamp` (of the event, not of the try) and `data`. The generation
 * is shown as it is when it is sent: an ended one does not change any more, and what became of an earlier event is better
 * known early than late. When it was deleted meanwhile, its id is all that is left.
 */
export async function bodyOf(
  delivery: Pick<DueDelivery, 'type' | 'eventAt' | 'accountId' | 'generationId'>,
  describe: DescribeGeneration,
): Promise<string> {
  const { type, eventAt, accountId, generationId } = delivery;
  const timestamp = new Date(eventAt).toISOString();
  if (type === TEST_EVENT || generationId === null) {
    return JSON.stringify({ type, timestamp, data: { message: 'This is a test.' } });
  }
  const generation = await describe(generationId, accountId);
  return JSON.stringify({ type, timestamp, data: { generation: generation ?? { id: generationId, deleted: true } } });
}
