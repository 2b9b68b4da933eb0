import { type Span, SpanStatusCode } from '@opentelemetry/api';
import type { FastifyInstance } from 'fastify';
import type { Tracing } from '../telemetry/index.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The span of this request, to be carried on (W3C Trace Context); null without tracing. */
    traceParent: string | null;
  }
}

/** A span for each request, by the pattern of its route: a path with ids in it would be a name of its own each time. */
export function useTracing(app: FastifyInstance, tracing: Tracing | undefined): void {
  app.decorateRequest('traceParent', null);
  if (tracing === undefined) return;
  const spans = new WeakMap<object, Span>();
  app.addHook('onRequest', async (request) => {
    const route = request.routeOptions.url ?? 'unknown';
    const span = tracing.startRequest(`${request.method} ${route}`, request.headers);
    span.setAttributes({ 'http.request.method': request.method, 'http.route': route, 'easel.request.id': request.id });
    spans.set(request, span);
    request.traceParent = tracing.carry(span);
  });
  app.addHook('onResponse', async (request, reply) => {
    const span = spans.get(request);
    span?.setAttribute('http.response.status_code', reply.statusCode);
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  });
}
