import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsync } from 'fastify';
import { route } from '../route.js';
import { openApiDocument } from './document.js';
import type { RouteRegistry } from './registry.js';
import type { JsonSchema } from './schemas.js';

export interface OpenApiOptions {
  readonly registry: RouteRegistry;
  readonly version: string;
}

const documentRoute = route({
  operationId: 'getOpenApi',
  tag: 'Reference',
  summary: 'This API as an OpenAPI document',
  scope: 'public',
  answers: { 200: { description: 'OpenAPI 3.1.', type: 'application/json' } },
});

/** The API as a document for programs, and as a page for people; neither needs anything from the network. */
export const openApiRoutes =
  ({ registry, version }: OpenApiOptions): FastifyPluginAsync =>
  async (app) => {
    const document = (): JsonSchema => openApiDocument({ version, routes: registry.routes });

    app.get('/v1/openapi.json', documentRoute, async () => document());

    await app.register(async (page) => {
      page.addHook('onRoute', (options) => {
        options.config = { ...options.config, scope: 'public' };
      });
      // The page reads the document itself, so that it is always the present one; its plugin wants to be given another.
      await page.register(swagger, { mode: 'static', specification: { document: { openapi: '3.1.0' } as never } });
      await page.register(swaggerUi, {
        routePrefix: '/docs',
        staticCSP: true,
        uiConfig: { url: '/v1/openapi.json', deepLinking: true, displayRequestDuration: true },
      });
    });
  };
