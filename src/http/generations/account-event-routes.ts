import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { cursorTime } from '../../generations/index.js';
import { accountOf } from '../account.js';
import type { HttpContext } from '../context.js';
import type { Frame } from '../event-stream.js';
import { route } from '../route.js';
import { check, flag, strictObject } from '../validate.js';
import { frameOf, sendEvents } from './event-reply.js';

const cursor = z
  .string()
  .max(100)
  .refine((text) => cursorTime(text) !== null, 'expected the id of an event of this stream');
const query = strictObject({ after: cursor.optional(), previews: flag });
const headers = z.object({ 'last-event-id': z.union([z.literal(''), cursor]).optional() });

const facts = route({
  operationId: 'followAccount',
  tag: 'Generations',
  summary: 'Follow everything that happens in the account by server-sent events',
  description:
    'Durable events of all generations carry an id, and the stream can be resumed after it; without one it begins now. Events of the last seconds may come twice after that: `generation_id` and `seq` tell. Progress and previews carry no id. It does not end.',
  scope: 'events:read',
  headers: { 'Last-Event-ID': 'Resumes after this event; browsers send it by themselves.' },
  query,
  answers: { 200: { description: 'The events.', type: 'text/event-stream' } },
  isStream: true,
});

/** The events of all generations of an account, by server-sent events. */
export const accountEventRoutes =
  (context: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.get('/v1/events', { ...facts, exposeHeadRoute: false }, async (request, reply) => {
      const { after, previews = false } = check(query, request.query, 'query');
      const { 'last-event-id': lastEventId } = check(headers, request.headers, 'headers');
      // A browser that connects anew does so under the same address, with a header that knows better.
      const resumeAfter = (lastEventId === '' ? undefined : lastEventId) ?? after;
      const stop = new AbortController();
      const events = context.generations.accountEvents(accountOf(request), {
        signal: stop.signal,
        ...(resumeAfter === undefined ? {} : { after: resumeAfter }),
      });
      async function* frames(): AsyncGenerator<Frame> {
        for await (const { event, cursor: id } of events) {
          if (event.type !== 'preview' || previews) yield frameOf(event, id);
        }
      }
      return sendEvents(context, request, reply, { frames: frames(), stop });
    });
  };
