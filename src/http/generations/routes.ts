import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GENERATION_STATUSES, isGenerationTerminal } from '../../core/statuses.js';
import type { Generation } from '../../generations/index.js';
import { accountOf } from '../account.js';
import type { HttpContext } from '../context.js';
import { requestInvalid } from '../problem.js';
import { check, pathId, strictObject, wholeNumber } from '../validate.js';
import { checkBackendId } from './definitions.js';
import { idempotencyOf } from './idempotency.js';
import { generationJson, generationUrl } from './json.js';
import { prepareRequest } from './prepare.js';
import { type SubmitBody, submitBody } from './submit-body.js';
import { waitForEnd } from './wait.js';

interface IdParams {
  readonly id: string;
}

const noQuery = strictObject({});
const emptyBody = strictObject({}).optional();

const DEFAULT_PAGE = 50;
const MAX_PAGE = 100;

const listQuery = strictObject({
  before: z.uuid('expected the id of a generation').toLowerCase().optional(),
  limit: wholeNumber(1, MAX_PAGE).optional(),
  /** Repeated, or with commas between. */
  status: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((text) => text.split(',')))
    .pipe(z.array(z.enum(GENERATION_STATUSES)))
    .optional(),
});

export const generationRoutes =
  (context: HttpContext): FastifyPluginAsync =>
  async (app) => {
    const { generations } = context;

    app.post('/v1/generations', async (request, reply) => {
      check(noQuery, request.query, 'query');
      if (request.body === undefined)
        throw requestInvalid('The body is empty.', [], 'Send JSON with a graph or a workflow.');
      const body = check(submitBody, request.body, 'body');
      const submitted = await submit(context, request, body);
      const generation = await waitForEnd(context, request, reply, submitted.generation);
      return sendSubmitted(reply, { ...submitted, generation });
    });

    app.get('/v1/generations', async (request, reply) => {
      const { before, limit = DEFAULT_PAGE, status: statuses } = check(listQuery, request.query, 'query');
      const accountId = accountOf(request);
      // One more than asked for tells whether there is a next page.
      const found = await generations.list({
        accountId,
        limit: limit + 1,
        ...(before === undefined ? {} : { before }),
        ...(statuses === undefined ? {} : { statuses }),
      });
      const page = found.slice(0, limit);
      const nextBefore = found.length > limit ? (page.at(-1)?.id ?? null) : null;
      if (nextBefore !== null) reply.header('link', `<${nextPage(nextBefore, limit, statuses)}>; rel="next"`);
      return { data: page.map(generationJson), next_before: nextBefore };
    });

    app.get<{ Params: IdParams }>('/v1/generations/:id', async (request, reply) => {
      check(noQuery, request.query, 'query');
      const id = pathId(request.params.id, 'generation');
      const generation = await generations.get(id, accountOf(request));
      return generationJson(await waitForEnd(context, request, reply, generation));
    });

    app.post<{ Params: IdParams }>('/v1/generations/:id/cancel', async (request, reply) => {
      check(noQuery, request.query, 'query');
      check(emptyBody, request.body, 'body');
      const id = pathId(request.params.id, 'generation');
      const asked = await generations.cancel(id, accountOf(request));
      const generation = await waitForEnd(context, request, reply, asked);
      // 202: it was asked to stop, and is not seen to have stopped yet.
      return reply.code(isGenerationTerminal(generation.status) ? 200 : 202).send(generationJson(generation));
    });

    app.post<{ Params: IdParams }>('/v1/generations/:id/rerun', async (request, reply) => {
      check(noQuery, request.query, 'query');
      check(emptyBody, request.body, 'body');
      const id = pathId(request.params.id, 'generation');
      const submitted = await rerun(context, request, id);
      const generation = await waitForEnd(context, request, reply, submitted.generation);
      return sendSubmitted(reply, { ...submitted, generation });
    });
  };

interface Submitted {
  readonly generation: Generation;
  /** False when an earlier request under the same key made it. */
  readonly isNew: boolean;
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly nodeId: string }[];
}

async function submit(context: HttpContext, request: FastifyRequest, body: SubmitBody): Promise<Submitted> {
  const { generations, definitions, backends } = context;
  const accountId = accountOf(request);
  const idempotency = idempotencyOf(request.headers, body);
  if (idempotency !== null) {
    const { idempotencyKey, idempotencyDigest } = idempotency;
    const earlier = await generations.findSubmitted(accountId, idempotencyKey, idempotencyDigest);
    if (earlier !== null) return { generation: earlier, isNew: false, warnings: [] };
  }
  checkBackendId(body.backend_id, backends);
  const prepared = await prepareRequest(body, { definitions });
  const accepted = await generations.accept({ accountId, ...prepared.request, ...idempotency });
  return { ...accepted, warnings: prepared.warnings };
}

async function rerun({ generations }: HttpContext, request: FastifyRequest, id: string): Promise<Submitted> {
  const accountId = accountOf(request);
  const idempotency = idempotencyOf(request.headers, { rerun: id });
  if (idempotency !== null) {
    const { idempotencyKey, idempotencyDigest } = idempotency;
    const earlier = await generations.findSubmitted(accountId, idempotencyKey, idempotencyDigest);
    if (earlier !== null) return { generation: earlier, isNew: false, warnings: [] };
  }
  const generation = await generations.rerun(id, accountId, idempotency ?? {});
  return { generation, isNew: true, warnings: [] };
}

/** 202: accepted, and not ended yet. 200: it ended while the caller waited, or it was there before. */
function sendSubmitted(reply: FastifyReply, { generation, isNew, warnings }: Submitted): FastifyReply {
  const isEnded = isGenerationTerminal(generation.status);
  reply.code(isNew && !isEnded ? 202 : 200).header('location', generationUrl(generation.id));
  if (!isNew) reply.header('idempotency-replayed', 'true');
  return reply.send({
    ...generationJson(generation),
    ...(warnings.length === 0
      ? {}
      : { warnings: warnings.map(({ code, message, nodeId }) => ({ code, message, node_id: nodeId })) }),
  });
}

function nextPage(before: string, limit: number, statuses: readonly string[] | undefined): string {
  const query = new URLSearchParams({ before, limit: String(limit) });
  if (statuses !== undefined) query.set('status', statuses.join(','));
  return `/v1/generations?${query}`;
}
