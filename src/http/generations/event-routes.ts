import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { isGenerationTerminal } from '../../core/statuses.js';
import type { GenerationEvent } from '../../generations/index.js';
import { accountOf } from '../account.js';
import type { HttpContext } from '../context.js';
import type { Frame } from '../event-stream.js';
import { route } from '../route.js';
import { check, flag, pathId, strictObject, wholeNumber } from '../validate.js';
import { accountEventRoutes } from './account-event-routes.js';
import { frameOf, sendEvents } from './event-reply.js';

const MAX_SEQ = 999_999_999;

const query = strictObject({ after: wholeNumber(0, MAX_SEQ).optional(), previews: flag });
const headers = z.object({ 'last-event-id': z.union([z.literal(''), wholeNumber(0, MAX_SEQ)]).optional() });

const facts = route({
  operationId: 'followGeneration',
  tag: 'Generations',
  summary: 'Follow a generation by server-sent events',
  description:
    'Durable events carry an id and can be resumed after it; progress and previews carry none. Ends after the terminal event.',
  scope: 'generations:read',
  headers: { 'Last-Event-ID': 'Resumes after this event; browsers send it by themselves.' },
  query,
  answers: {
    200: { description: 'The events.', type: 'text/event-stream' },
    204: { description: 'There is nothing after that event, and never will be.' },
  },
  isStream: true,
});

/** The events of a generation as they happen, by server-sent events. Ends after the terminal event. */
export const eventRoutes =
  (context: HttpContext): FastifyPluginAsync =>
  async (app) => {
    const { generations } = context;
    await app.register(accountEventRoutes(context));

    app.get<{ Params: { readonly id: string } }>(
      '/v1/generations/:id/events',
      { ...facts, exposeHeadRoute: false },
      async (request, reply) => {
        const { after, previews = false } = check(query, request.query, 'query');
        const { 'last-event-id': lastEventId } = check(headers, request.headers, 'headers');
        const id = pathId(request.params.id, 'generation');
        const accountId = accountOf(request);
        const generation = await generations.get(id, accountId);
        // A browser that connects anew does so under the same address, with a header that knows better.
        const afterSeq = (lastEventId === '' ? undefined : lastEventId) ?? after ?? 0;

        const stop = new AbortController();
        const events = generations.events(id, accountId, { afterSeq, signal: stop.signal });
        let first: GenerationEvent | null = null;
        if (afterSeq > 0 && isGenerationTerminal(generation.status)) {
          const next = await events.next();
          // 204 tells a browser not to connect again, as it would do for good after any other end.
          if (next.done) return reply.code(204).send();
          first = next.value;
        }

        async function* frames(): AsyncGenerator<Frame> {
          if (first !== null) yield frameOfOne(first);
          for await (const event of events) if (event.type !== 'preview' || previews) yield frameOfOne(event);
        }
        return sendEvents(context, request, reply, { frames: frames(), stop });
      },
    );
  };

function frameOfOne(event: GenerationEvent): Frame {
  return frameOf(event, 'seq' in event ? String(event.seq) : null);
}
