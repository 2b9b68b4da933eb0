import type { FastifyPluginAsync } from 'fastify';
import type { HttpContext } from '../context.js';
import { fileRoutes } from './file-routes.js';
import { uploadRoutes } from './upload-routes.js';

/** Two scopes, since a body that is a file must not be parsed, and every other one must. */
export const mediaRoutes =
  (context: HttpContext): FastifyPluginAsync =>
  async (app) => {
    await app.register(uploadRoutes(context));
    await app.register(fileRoutes(context));
  };
