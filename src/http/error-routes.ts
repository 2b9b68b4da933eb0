import type { FastifyPluginAsync } from 'fastify';
import { EaselError, ERROR_CATALOGUE, type ErrorCode, isErrorCode } from '../core/errors.js';

/** What the `type` of a problem points to: each code explained, from the catalogue. */
export const errorRoutes = (): FastifyPluginAsync => async (app) => {
  app.get('/v1/errors', async () => ({ data: (Object.keys(ERROR_CATALOGUE) as ErrorCode[]).map(explain) }));
  app.get<{ Params: { code: string } }>('/v1/errors/:code', async (request) => {
    const { code } = request.params;
    if (!isErrorCode(code)) throw new EaselError('not_found', 'There is no such error code.');
    return explain(code);
  });
};

function explain(code: ErrorCode): object {
  const { summary, hint, httpStatus, retryable } = ERROR_CATALOGUE[code];
  return { code, summary, hint, status: httpStatus, retryable };
}
