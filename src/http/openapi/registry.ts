import type { FastifyInstance } from 'fastify';
import type { DocumentedRoute } from './document.js';

/** All routes of a server that say what they are, in the order in which they were made. */
export class RouteRegistry {
  readonly routes: DocumentedRoute[] = [];

  /** Call it before the first route. */
  watch(app: FastifyInstance): void {
    app.addHook('onRoute', ({ method, url, config }) => {
      const facts = config?.facts;
      if (facts === undefined) return;
      for (const each of [method].flat()) {
        // HEAD is GET without its body; OpenAPI need not repeat it.
        if (each !== 'HEAD') this.routes.push({ method: each, url, facts });
      }
    });
  }
}
