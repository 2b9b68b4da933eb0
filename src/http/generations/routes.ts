import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { definedOnly } from '../../core/objects.js';
import { GENERATION_STATUSES, isGenerationTerminal } from '../../core/statuses.js';
import { generationJson } from '../../generations/index.js';
import { accountOf, billingOf } from '../account.js';
import type { HttpContext } from '../context.js';
import { requestInvalid } from '../problem.js';
import { route } from '../route.js';
import { check, pathId, strictObject, wholeNumber, wire } from '../validate.js';
import { checkBackendId } from './definitions.js';
import { type Idempotency, idempotencyOf } from './idempotency.js';
import { prepareRequest } from './prepare.js';
import { generationAnswer } from './queue.js';
import { generationPageSchema, generationSchema, submittedSchema } from './schemas.js';
import { type SubmitBody, submitBody } from './submit-body.js';
import { type Submitted, sendSubmitted } from './submitted.js';
import { waitForEnd } from './wait.js';

interface IdParams {
  readonly id: string;
}

const emptyBody = strictObject({}).optional();

const DEFAULT_PAGE = 50;
const MAX_PAGE = 100;

const listQuery = strictObject({
  before: z.uuid('expected the id of a generation').toLowerCase().optional(),
  limit: wholeNumber(1, MAX_PAGE).optional(),
  status: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((text) => text.split(',')))
    .pipe(z.array(z.enum(GENERATION_STATUSES)))
    .meta({
      ...wire({ type: 'array', items: { type: 'string', enum: GENERATION_STATUSES } }),
      description: 'Any of these: repeated, or with commas between.',
    })
    .optional(),
  workflow: z.string().min(1).max(100).optional().meta({ description: 'By the name of its workflow.' }),
  created_after: z.iso.datetime().optional().meta({ description: 'At this time or later.' }),
  created_before: z.iso.datetime().optional().meta({ description: 'Before this time.' }),
});

const WAIT = 'Seconds to hold the answer back until the generation has ended: `wait=30`.';
const IDEMPOTENCY = 'The same key with the same body returns the first answer; with another body it is a conflict.';
const ended = { description: 'It ended while you waited, or it was there before.', schema: submittedSchema };
const accepted = { description: 'Accepted, and not ended yet.', schema: submittedSchema };

const submitRoute = route({
  operationId: 'submitGraph',
  tag: 'Generations',
  summary: 'Run a graph',
  description:
    'Takes any graph (API format) or workflow (UI format). Programs for other people use registered workflows instead: POST /v1/workflows/{name}/generations.',
  scope: ['generations:write', 'workflows:raw'],
  headers: { Prefer: WAIT, 'Idempotency-Key': IDEMPOTENCY },
  body: { schema: submitBody },
  answers: { 200: ended, 202: accepted },
});

const listRoute = route({
  operationId: 'listGenerations',
  tag: 'Generations',
  summary: 'List generations, newest first',
  scope: 'generations:read',
  query: listQuery,
  answers: { 200: { description: 'A page.', schema: generationPageSchema } },
});

const readRoute = route({
  operationId: 'getGeneration',
  tag: 'Generations',
  summary: 'Read a generation',
  scope: 'generations:read',
  headers: { Prefer: WAIT },
  answers: { 200: { description: 'As it is now.', schema: generationSchema } },
});

const cancelRoute = route({
  operationId: 'cancelGeneration',
  tag: 'Generations',
  summary: 'Cancel a generation',
  description: 'In the queue it is gone at once. On a backend it is stopped and verified, which takes a moment.',
  scope: 'generations:write',
  headers: { Prefer: WAIT },
  body: { schema: emptyBody, isOptional: true },
  answers: {
    200: { description: 'It has ended, cancelled or by itself.', schema: generationSchema },
    202: { description: 'Asked to stop; follow it.', schema: generationSchema },
  },
});

const rerunRoute = route({
  operationId: 'rerunGeneration',
  tag: 'Generations',
  summary: 'Run the same again, as a generation of its own',
  scope: 'generations:write',
  headers: { Prefer: WAIT, 'Idempotency-Key': IDEMPOTENCY },
  body: { schema: emptyBody, isOptional: true },
  answers: { 200: ended, 202: accepted },
});

export const generationRoutes =
  (context: HttpContext): FastifyPluginAsync =>
  async (app) => {
    const { generations } = context;

    app.post('/v1/generations', submitRoute, async (request, reply) => {
      if (request.body === undefined)
        throw requestInvalid('The body is empty.', [], 'Send JSON with a graph or a workflow.');
      const body = check(submitBody, request.body, 'body');
      const submitted = await submit(context, request, body);
      const generation = await waitForEnd(context, request, reply, submitted.generation);
      return sendSubmitted(reply, generations, { ...submitted, generation });
    });

    app.get('/v1/generations', listRoute, async (request, reply) => {
      const { limit = DEFAULT_PAGE, ...asked } = check(listQuery, request.query, 'query');
      const accountId = accountOf(request);
      // One more than asked for tells whether there is a next page.
      const found = await generations.list({
        accountId,
        limit: limit + 1,
        ...definedOnly({
          before: asked.before,
          statuses: asked.status,
          workflow: asked.workflow,
          createdFrom: timeOf(asked.created_after),
          createdBefore: timeOf(asked.created_before),
        }),
      });
      const page = found.slice(0, limit);
      const nextBefore = found.length > limit ? (page.at(-1)?.id ?? null) : null;
      if (nextBefore !== null)
        reply.header('link', `<${nextPage({ ...asked, before: nextBefore, limit })}>; rel="next"`);
      return { data: page.map(generationJson), next_before: nextBefore };
    });

    app.get<{ Params: IdParams }>('/v1/generations/:id', readRoute, async (request, reply) => {
      const id = pathId(request.params.id, 'generation');
      const generation = await generations.get(id, accountOf(request));
      return generationAnswer(generations, await waitForEnd(context, request, reply, generation));
    });

    app.post<{ Params: IdParams }>('/v1/generations/:id/cancel', cancelRoute, async (request, reply) => {
      check(emptyBody, request.body, 'body');
      const id = pathId(request.params.id, 'generation');
      const asked = await generations.cancel(id, accountOf(request));
      const generation = await waitForEnd(context, request, reply, asked);
      // 202: it was asked to stop, and is not seen to have stopped yet.
      return reply.code(isGenerationTerminal(generation.status) ? 200 : 202).send(generationJson(generation));
    });

    app.post<{ Params: IdParams }>('/v1/generations/:id/rerun', rerunRoute, async (request, reply) => {
      check(emptyBody, request.body, 'body');
      const id = pathId(request.params.id, 'generation');
      const submitted = await rerun(context, request, id);
      const generation = await waitForEnd(context, request, reply, submitted.generation);
      return sendSubmitted(reply, generations, { ...submitted, generation });
    });
  };

async function submit(context: HttpContext, request: FastifyRequest, body: SubmitBody): Promise<Submitted> {
  const { generations, definitions, backends } = context;
  const accountId = accountOf(request);
  const idempotency = idempotencyOf(request.headers, body);
  const earlier = await findEarlier(generations, accountId, idempotency);
  if (earlier !== null) return earlier;
  checkBackendId(body.backend_id, backends);
  const prepared = await prepareRequest(body, { definitions });
  const accepted = await generations.accept({
    accountId,
    billing: billingOf(request),
    ...prepared.request,
    ...idempotency,
    requestId: request.id,
    ...(request.traceParent === null ? {} : { traceParent: request.traceParent }),
  });
  return { ...accepted, warnings: prepared.warnings };
}

/** What an earlier request under the same key made. Throws `idempotency_conflict` where it asked for something else. */
async function findEarlier(
  generations: HttpContext['generations'],
  accountId: string,
  idempotency: Idempotency | null,
): Promise<Submitted | null> {
  if (idempotency === null) return null;
  const { idempotencyKey, idempotencyDigest } = idempotency;
  const generation = await generations.findSubmitted(accountId, idempotencyKey, idempotencyDigest);
  return generation === null ? null : { generation, isNew: false, warnings: [] };
}

async function rerun({ generations }: HttpContext, request: FastifyRequest, id: string): Promise<Submitted> {
  const accountId = accountOf(request);
  const idempotency = idempotencyOf(request.headers, { rerun: id });
  const earlier = await findEarlier(generations, accountId, idempotency);
  if (earlier !== null) return earlier;
  const generation = await generations.rerun(id, accountId, { billing: billingOf(request), ...idempotency });
  return { generation, isNew: true, warnings: [] };
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

function nextPage(asked: Readonly<Record<string, string | number | readonly string[] | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) if (value !== undefined) query.set(name, String(value));
  return `/v1/generations?${query}`;
}
