import type { FastifyPluginAsync } from 'fastify';
import { definedOnly } from '../../core/objects.js';
import { accountOf, billingOf } from '../account.js';
import type { HttpContext } from '../context.js';
import { checkBackendId } from '../generations/definitions.js';
import { idempotencyOf } from '../generations/idempotency.js';
import { sendSubmitted } from '../generations/submitted.js';
import { termsOf } from '../generations/terms.js';
import { waitForEnd } from '../generations/wait.js';
import { check, pathId } from '../validate.js';
import { generateRoute, graphRoute } from './facts.js';
import { generateBody } from './schemas.js';

/** Generations by the name of a workflow, and the graph that a generation ran. */
export const generateRoutes =
  (context: HttpContext): FastifyPluginAsync =>
  async (app) => {
    const { generations, submitWorkflow, workflows, backends } = context;

    app.post<{ Params: { readonly name: string } }>(
      '/v1/workflows/:name/generations',
      generateRoute,
      async (request, reply) => {
        // Before the body: where there is no such workflow, no body fits.
        const { name } = await workflows.get(request.params.name);
        const body = check(generateBody, request.body ?? {}, 'body');
        checkBackendId(body.backend_id, backends);
        const { inputs = {}, version, lane, context: purpose, metadata } = body;
        const submitted = await submitWorkflow({
          workflow: name,
          inputs,
          accountId: accountOf(request),
          ...definedOnly({
            traceParent: request.traceParent ?? undefined,
            requestId: request.id,
            version,
            lane,
            metadata,
            backendId: body.backend_id,
            preference: body.preference,
            isSticky: body.sticky,
            sessionId: body.session_id,
            billing: billingOf(request, purpose),
          }),
          ...termsOf(body),
          ...idempotencyOf(request.headers, { workflow: name, ...body }),
        });
        const { id } = submitted.generation;
        const bound = submitted.inputs ?? (await generations.graphOf(id, accountOf(request))).bound?.inputs ?? null;
        const generation = await waitForEnd(context, request, reply, submitted.generation);
        return sendSubmitted(reply, generations, { generation, isNew: submitted.isNew, warnings: [], inputs: bound });
      },
    );

    app.get<{ Params: { readonly id: string } }>('/v1/generations/:id/graph', graphRoute, async (request) => {
      const id = pathId(request.params.id, 'generation');
      const { graph, bound } = await generations.graphOf(id, accountOf(request));
      return { generation_id: id, inputs: bound?.inputs ?? null, changes: bound?.changes ?? null, graph };
    });
  };
