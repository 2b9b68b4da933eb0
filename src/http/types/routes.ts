import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { definedOnly } from '../../core/objects.js';
import { SELECTION_RULES, type WorkflowInput } from '../../workflows/index.js';
import { accountOf } from '../account.js';
import type { HttpContext } from '../context.js';
import { route } from '../route.js';
import { check, flag, strictObject } from '../validate.js';

const selectQuery = strictObject({
  context: z.string().min(1).max(40).optional(),
  preference: z.string().min(1).max(100).optional(),
  sticky: flag,
});

const inputSchema = z
  .object({ name: z.string(), type: z.string(), title: z.string().nullable(), description: z.string().nullable() })
  .meta({ id: 'RequiredInput' });

const typeSchema = z
  .object({
    type: z.string(),
    deployment_ids: z.array(z.string()),
    required_inputs: z
      .array(inputSchema)
      .meta({ description: 'What a request must give, whichever deployment it gets.' }),
    workflows: z.array(
      z.object({ name: z.string(), deployment_ids: z.array(z.string()), required_inputs: z.array(inputSchema) }),
    ),
  })
  .meta({ id: 'WorkflowType' });

const selectionSchema = z
  .object({
    deployment_id: z.string(),
    workflow: z.string(),
    rule: z.enum(SELECTION_RULES),
    context: z.string(),
    sentence: z.string(),
    considered: z.array(
      z.object({
        deployment_id: z.string(),
        workflow: z.string(),
        verdict: z.enum(['chosen', 'other', 'other_context', 'off', 'not_well', 'spare']),
        state: z.string(),
        load: z.number(),
      }),
    ),
  })
  .meta({ id: 'Selection' });

const typeRoute = route({
  operationId: 'getDeploymentIdByType',
  tag: 'Deployments',
  summary: 'The deployments of a type of workflow, and what they require',
  scope: 'workflows:read',
  answers: { 200: { description: 'What a form must ask for.', schema: typeSchema } },
});

const selectRoute = route({
  operationId: 'selectDeployment',
  tag: 'Deployments',
  summary: 'Which deployment of a type a run would get now, and why',
  scope: 'workflows:read',
  query: selectQuery,
  answers: { 200: { description: 'The choice; another request may get another one.', schema: selectionSchema } },
});

/** Types of workflows, for clients that want a picture and not a certain workflow. */
export const typeRoutes =
  ({ workflows }: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.get<{ Params: { readonly type: string } }>('/v1/types/:type', typeRoute, async (request) => {
      const found = await workflows.getDeploymentIdByType(request.params.type);
      return {
        type: found.type,
        deployment_ids: found.deploymentIds,
        required_inputs: found.requiredInputs.map(inputJson),
        workflows: found.workflows.map(({ name, deploymentIds, requiredInputs }) => ({
          name,
          deployment_ids: deploymentIds,
          required_inputs: requiredInputs.map(inputJson),
        })),
      };
    });

    app.get<{ Params: { readonly type: string } }>('/v1/types/:type/selection', selectRoute, async (request) => {
      const { context, preference, sticky = false } = check(selectQuery, request.query, 'query');
      const stickyKey = sticky ? accountOf(request) : undefined;
      const { deployment, reason, sentence } = await workflows.select(
        request.params.type,
        definedOnly({ context, preference, stickyKey }),
      );
      return {
        deployment_id: deployment.id,
        workflow: deployment.workflow,
        rule: reason.rule,
        context: reason.context,
        sentence,
        considered: reason.considered.map(({ deploymentId, ...rest }) => ({ deployment_id: deploymentId, ...rest })),
      };
    });
  };

function inputJson({ name, type, title, description }: WorkflowInput): object {
  return { name, type, title: title ?? null, description: description ?? null };
}
