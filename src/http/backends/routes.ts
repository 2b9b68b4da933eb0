import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { HttpContext } from '../context.js';
import { errorSchema } from '../generations/schemas.js';
import { route } from '../route.js';
import { check, strictObject } from '../validate.js';
import { errorJson, wireTime } from '../wire.js';
import type { BackendLook } from './healths.js';

const query = strictObject({});

const backendSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['comfyui', 'comfydeploy', 'embedded']),
    url: z.string(),
    state: z.enum(['ready', 'unreachable', 'wrong']),
    version: z.string().nullable(),
    queue_remaining: z.int().nullable(),
    latency_ms: z.number(),
    checked_at: z.iso.datetime(),
    error: errorSchema.nullable(),
  })
  .meta({ id: 'Backend' });

const listRoute = route({
  operationId: 'listBackends',
  tag: 'Backends',
  summary: 'List backends and how they are',
  scope: 'backends:read',
  query,
  answers: { 200: { description: 'All of them.', schema: z.object({ data: z.array(backendSchema) }) } },
});

export const backendRoutes =
  ({ healths }: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.get('/v1/backends', listRoute, async (request) => {
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
