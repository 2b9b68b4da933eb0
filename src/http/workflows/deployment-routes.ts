import type { FastifyPluginAsync } from 'fastify';
import { definedOnly } from '../../core/objects.js';
import type { DeploymentChange } from '../../workflows/index.js';
import type { HttpContext } from '../context.js';
import { checkBackendId } from '../generations/definitions.js';
import { check, pathId } from '../validate.js';
import { addDeploymentRoute, changeDeploymentRoute, listDeploymentsRoute, removeDeploymentRoute } from './facts.js';
import { deploymentJson } from './json.js';
import { type DeploymentBody, deploymentBody } from './schemas.js';

/** Where the runs of a workflow may go. */
export const deploymentRoutes =
  ({ workflows: { deployments }, backends }: HttpContext): FastifyPluginAsync =>
  async (app) => {
    const read = (body: unknown): DeploymentChange => {
      const change = check(deploymentBody, body ?? {}, 'body');
      const { target } = change;
      if (target !== undefined && target.kind !== 'any') {
        checkBackendId(target.backend_id, backends, ['target', 'backend_id']);
      }
      return toChange(change);
    };

    app.get<{ Params: { readonly name: string } }>(
      '/v1/workflows/:name/deployments',
      listDeploymentsRoute,
      async (request) => {
        const found = await deployments.list({ workflow: request.params.name });
        return { data: found.map(deploymentJson) };
      },
    );

    app.post<{ Params: { readonly name: string } }>(
      '/v1/workflows/:name/deployments',
      addDeploymentRoute,
      async (request, reply) => {
        const deployment = await deployments.add({ workflow: request.params.name, ...read(request.body) });
        return reply.code(201).send(deploymentJson(deployment));
      },
    );

    app.patch<{ Params: { readonly id: string } }>('/v1/deployments/:id', changeDeploymentRoute, async (request) =>
      deploymentJson(await deployments.update(pathId(request.params.id, 'deployment'), read(request.body))),
    );

    app.delete<{ Params: { readonly id: string } }>(
      '/v1/deployments/:id',
      removeDeploymentRoute,
      async (request, reply) => {
        await deployments.remove(pathId(request.params.id, 'deployment'));
        return reply.code(204).send();
      },
    );
  };

function toChange({ target, ...rest }: DeploymentBody): DeploymentChange {
  const change = definedOnly(rest) as DeploymentChange;
  switch (target?.kind) {
    case undefined:
      return change;
    case 'any':
      return { ...change, target: { kind: 'any' } };
    case 'backend':
      return { ...change, target: { kind: 'backend', backendId: target.backend_id } };
    case 'comfydeploy':
      return {
        ...change,
        target: { kind: 'comfydeploy', backendId: target.backend_id ?? null, deploymentId: target.deployment_id },
      };
  }
}
