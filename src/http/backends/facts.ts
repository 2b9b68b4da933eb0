import { z } from 'zod';
import { errorSchema } from '../generations/schemas.js';
import { route } from '../route.js';
import { flag, strictObject } from '../validate.js';

/** What the routes of backends take and answer. */
export const removeQuery = strictObject({ force: flag });
/** An item of `backends` in the configuration; its own schema judges it. */
export const addBody = z.looseObject({}).meta({
  description:
    'An item of `backends` in the configuration (docs/configuration.md). Without `kind` it is a ComfyUI server.',
});

const time = z.iso.datetime();

const backendSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['comfyui', 'comfydeploy', 'embedded']),
    url: z.string().meta({ description: 'Without credentials.' }),
    origin: z
      .enum(['config', 'added'])
      .meta({ description: 'From the configuration of a node, or added at run time.' }),
    desired: z.enum(['active', 'draining', 'removing', 'evicting']),
    state: z.enum(['booting', 'ready', 'draining', 'unreachable', 'wrong', 'stalled']),
    owner: z.string().nullable().meta({ description: 'The node that looks after it.' }),
    circuit: z.enum(['closed', 'open', 'half-open']),
    retry_at: time.nullable().meta({ description: 'No work before this time, while the circuit is open.' }),
    version: z.string().nullable(),
    vram_bytes: z.int().nullable(),
    open_attempts: z.int().meta({ description: 'Of ours, under way on it.' }),
    queue_remaining: z
      .int()
      .nullable()
      .meta({ description: 'Prompts in its own queue, running ones and those of others included.' }),
    latency_ms: z.number().nullable(),
    checked_at: time.nullable().meta({ description: 'When this node last looked; null where it cannot.' }),
    error: errorSchema.nullable(),
    settings: z
      .unknown()
      .nullable()
      .meta({ description: 'Of an added one, with secrets masked; only for `backends:admin`, else null.' }),
  })
  .meta({ id: 'Backend' });

const one = { 200: { description: 'The backend.', schema: backendSchema } };

export const listRoute = route({
  operationId: 'listBackends',
  tag: 'Backends',
  summary: 'List backends and how they are',
  scope: 'backends:read',
  answers: { 200: { description: 'All of them.', schema: z.object({ data: z.array(backendSchema) }) } },
});

export const getRoute = route({
  operationId: 'getBackend',
  tag: 'Backends',
  summary: 'Show one backend',
  scope: 'backends:read',
  answers: one,
});

export const addRoute = route({
  operationId: 'addBackend',
  tag: 'Backends',
  summary: 'Add a backend for all nodes',
  description:
    'Its settings are stored in the database as they are given, credentials included, and masked when shown.',
  scope: 'backends:admin',
  body: { schema: addBody },
  answers: { 201: { description: 'Added; nodes open it within a moment.', schema: backendSchema } },
});

export const drainRoute = route({
  operationId: 'drainBackend',
  tag: 'Backends',
  summary: 'Give a backend no new work; what runs goes on',
  scope: 'backends:admin',
  answers: one,
});

export const resumeRoute = route({
  operationId: 'resumeBackend',
  tag: 'Backends',
  summary: 'Give a backend work again',
  scope: 'backends:admin',
  answers: one,
});

export const removeRoute = route({
  operationId: 'removeBackend',
  tag: 'Backends',
  summary: 'Take a backend away once it is empty',
  description: '`force` does not wait: what runs is stopped there and goes to other backends.',
  scope: 'backends:admin',
  query: removeQuery,
  answers: {
    202: { description: 'It will be gone once nothing of ours is on it.', schema: backendSchema },
    204: { description: 'It is gone.' },
  },
});
