import type { FastifyPluginAsync } from 'fastify';
import type { HttpContext } from '../context.js';
import { check, strictObject } from '../validate.js';
import { errorJson, wireTime } from '../wire.js';
import type { BackendLook } from './healths.js';

const query = strictObject({});

export const backendRoutes =
  ({ healths }: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.get('/v1/backends', async (request) => {
      check(query, request.query, 'query');
      return { data: (await healths.look()).map(backendJson) };
    });
  };

function backendJson({ backend, health }: BackendLook): object {
  return {
    id: backend.id,
    kind: backend.kind,
    url: backend.displayUrl,
    state: health.state,
    version: health.version ?? null,
    /** Prompts in its own queue, running ones included; those of others too. */
    queue_remaining: health.queueRemaining ?? null,
    latency_ms: health.latencyMs,
    checked_at: wireTime(health.checkedAt),
    error: health.error === undefined ? null : errorJson(health.error),
  };
}
