import type { FastifyPluginAsync } from 'fastify';
import type { Metrics } from '../../telemetry/index.js';
import { route } from '../route.js';

const metricsRoute = route({
  operationId: 'readMetrics',
  tag: 'Health',
  summary: 'Metrics for Prometheus',
  scope: 'metrics:read',
  answers: { 200: { description: 'The text format of Prometheus.', type: 'text/plain' } },
});

/** Metrics, and the times of all requests that go into them. */
export const metricsRoutes =
  (metrics: Metrics): FastifyPluginAsync =>
  async (app) => {
    app.get('/metrics', metricsRoute, async (_request, reply) =>
      reply.header('content-type', metrics.contentType).send(await metrics.text()),
    );
  };
