import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { EaselError, ERROR_CATALOGUE, type ErrorCode, isErrorCode } from '../core/errors.js';
import { route } from './route.js';

const explanation = z
  .object({ code: z.string(), summary: z.string(), hint: z.string(), status: z.int(), retryable: z.boolean() })
  .meta({ id: 'ErrorExplanation' });

const listRoute = route({
  operationId: 'listErrors',
  tag: 'Errors',
  summary: 'List all error codes',
  scope: 'public',
  answers: { 200: { description: 'All of them.', schema: z.object({ data: z.array(explanation) }) } },
});

const readRoute = route({
  operationId: 'explainError',
  tag: 'Errors',
  summary: 'Explain an error code',
  scope: 'public',
  answers: { 200: { description: 'What it means and what to do.', schema: explanation } },
});

/** What the `type` of a problem points to: each code explained, from the catalogue. */
export const errorRoutes = (): FastifyPluginAsync => async (app) => {
  app.get('/v1/errors', listRoute, async () => ({ data: (Object.keys(ERROR_CATALOGUE) as ErrorCode[]).map(explain) }));
  app.get<{ Params: { code: string } }>('/v1/errors/:code', readRoute, async (request) => {
    const { code } = request.params;
    if (!isErrorCode(code)) throw new EaselError('not_found', 'There is no such error code.');
    return explain(code);
  });
};

function explain(code: ErrorCode): object {
  const { summary, hint, httpStatus, retryable } = ERROR_CATALOGUE[code];
  return { code, summary, hint, status: httpStatus, retryable };
}
