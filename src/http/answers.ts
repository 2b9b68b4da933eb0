import type { FastifyInstance } from 'fastify';
import { EaselError } from '../core/errors.js';

/**
 * What a route declares is what leaves: fields that its schema does not know are left out, and an answer that does not fit
 * is a fault of ours and becomes a 500 instead of a surprise for the client.
 */
export function useDeclaredAnswers(app: FastifyInstance): void {
  app.addHook('preSerialization', async (request, reply, payload) => {
    const schema = request.routeOptions.config.facts?.answers[reply.statusCode]?.schema;
    if (schema === undefined) return payload;
    const parsed = schema.safeParse(payload);
    if (parsed.success) return parsed.data;
    throw new EaselError('internal', `The answer of ${request.routeOptions.url} does not fit its schema.`, {
      cause: parsed.error,
    });
  });
}
