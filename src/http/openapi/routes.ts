import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { Workflows } from '../../workflows/index.js';
import { route } from '../route.js';
import { openApiDocument } from './document.js';
import type { RouteRegistry } from './registry.js';
import type { JsonSchema } from './schemas.js';
import { WorkflowSchemas, withWorkflows } from './workflows.js';

export interface OpenApiOptions {
  readonly registry: RouteRegistry;
  readonly version: string;
  readonly workflows: Workflows;
}

const documentRoute = route({
  operationId: 'getOpenApi',
  tag: 'Reference',
  summary: 'This API as an OpenAPI document',
  description: 'Who may read workflows finds a path for each of them, with the schema of its inputs as it is now.',
  scope: 'optional',
  answers: { 200: { description: 'OpenAPI 3.1.', type: 'application/json' } },
});

/** The API as a document for programs, and as a page for people; neither needs anything from the network. */
export const openApiRoutes =
  ({ registry, version, workflows }: OpenApiOptions): FastifyPluginAsync =>
  async (app) => {
    const schemas = new WorkflowSchemas(workflows);
    // All routes are known by the first request, and do not change after it.
    let routes: JsonSchema | null = null;
    const documentFor = async ({ caller }: FastifyRequest): Promise<JsonSchema> => {
      routes ??= openApiDocument({ version, routes: registry.routes });
      return caller.scopes.has('workflows:read') ? withWorkflows(routes, await schemas.read()) : routes;
    };

    app.get('/v1/openapi.json', documentRoute, documentFor);

    await app.register(async (page) => {
      page.addHook('onRoute', (options) => {
        options.config = { ...options.config, scope: 'optional' };
      });
      const documents = new WeakMap<object, JsonSchema>();
      page.addHook('preHandler', async (request) => {
        if (/\/(json|yaml)$/.test(request.routeOptions.url ?? '')) {
          documents.set(request.raw, await documentFor(request));
        }
      });
      // The plugin of the page wants to be given a document when it starts; what it shows is the present one.
      await page.register(swagger, { mode: 'static', specification: { document: { openapi: '3.1.0' } as never } });
      await page.register(swaggerUi, {
        routePrefix: '/docs',
        staticCSP: true,
        transformSpecification: (_none, request) => documents.get(request.raw) ?? {},
        transformSpecificationClone: false,
        uiConfig: { deepLinking: true, displayRequestDuration: true },
      });
    });
  };
