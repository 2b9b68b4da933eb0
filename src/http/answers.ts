import type { FastifyInstance } from 'fastify';
import { EaselError } from '../core/errors.js';
import { check, strictObject } from './validate.js';

const noQuery = strictObject({});

/**
 * A route that declares no query takes none, and no handler has to say so; one that declares it checks it. And what a route
 * declares is what leaves: fields that its schema does not know are left out, and an answer that does not fit is a fault of
 * ours and becomes a 500 instead of a surprise for the client.
 */
export function useDeclaredAnswers(app: FastifyInstance): void {
  app.addHook('preHandler', async (request) => {
    const { facts } = request.routeOptions.config;
    // What is asked of everybody (probes, pages) may carry what it likes.
    if (facts === undefined || facts.query !== undefined || facts.scope === 'public' || facts.scope === 'optional')
      return;
    check(noQuery, request.query, 'query');
  });
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
