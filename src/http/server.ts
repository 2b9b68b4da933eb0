import { type FastifyInstance, fastify, type RouteOptions } from 'fastify';
import { type DefinitionSource, definitionsOf } from '../backends/index.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/log.js';
import { mcpRoutes } from '../mcp/index.js';
import { useGuard } from './access/guard.js';
import { logWhenDone } from './access-log.js';
import { useDeclaredAnswers } from './answers.js';
import { BackendHealths } from './backends/healths.js';
import { backendRoutes } from './backends/routes.js';
import { Closing } from './closing.js';
import type { EaselServices, HttpContext } from './context.js';
import { errorRoutes } from './error-routes.js';
import { answerMalformed, sendProblem, shuttingDown, useProblems } from './errors.js';
import { eventRoutes } from './generations/event-routes.js';
import { outputRoutes } from './generations/output-routes.js';
import { generationRoutes } from './generations/routes.js';
import { healthRoutes } from './health/routes.js';
import { hookRoutes } from './hooks/routes.js';
import { checkHost, isLoopbackName } from './host-guard.js';
import { useLosslessJson } from './json.js';
import { keyRoutes } from './keys/routes.js';
import { mediaRoutes } from './media/routes.js';
import { metricsRoutes } from './metrics/routes.js';
import { RouteRegistry } from './openapi/registry.js';
import { openApiRoutes } from './openapi/routes.js';
import { pointsRoutes } from './points/routes.js';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.js';
import { route } from './route.js';
import { sessionRoutes } from './sessions/routes.js';
import { useShutdown } from './shutdown.js';
import { useTracing } from './tracing.js';
import { typeRoutes } from './types/routes.js';
import { webhookRoutes } from './webhooks/routes.js';
import { deploymentRoutes } from './workflows/deployment-routes.js';
import { generateRoutes } from './workflows/generate-routes.js';
import { workflowRoutes } from './workflows/routes.js';

export interface HttpServerOptions {
  readonly easel: EaselServices;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Largest JSON body; as configured unless given. */
  readonly maxBodyBytes?: number;
  /** Largest uploaded file; as configured unless given. */
  readonly maxUploadBytes?: number;
  /**
   * Host names under which the server answers, besides those of the loopback address; the configured host unless given.
   * Name here what a reverse proxy passes on in `Host`.
   */
  readonly allowedHosts?: readonly string[];
  /** Ask everybody for a key; as configured unless given, else on all but loopback addresses. */
  readonly requireKeys?: boolean;
  /** Told every route as it is made, for who wants to know all of them. */
  readonly onRoute?: (route: RouteOptions) => void;
  /** Of Easel, for the OpenAPI document. */
  readonly version?: string;
  /** Where node definitions come from, to convert UI workflows with; from the backends unless given. */
  readonly definitions?: DefinitionSource;
  /** How long requests under way may go on once closing has begun, in milliseconds; 3 s unless told. */
  readonly graceMs?: number;
}

/**
 * A connection on which nothing moves for so long is cut: an upload or a download that stalled, an event stream that is not
 * read. Longer than the longest wait (`Prefer: wait`), during which nothing moves either.
 */
const STALL_MS = 150_000;

const mcpRoute = route({
  operationId: 'callMcp',
  tag: 'Workflows',
  summary: 'The Model Context Protocol: workflows as tools for assistants',
  scope: 'workflows:read',
  body: { description: 'A message of the protocol.' },
  answers: { 200: { description: 'Its answer, as JSON or as events.', type: 'text/event-stream' } },
});

/** Builds the HTTP API. It does not listen: give it to `listen`, or to `inject` in a test. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { easel, logger, clock } = options;
  const { http } = easel.config;
  const context: HttpContext = {
    generations: easel.generations,
    backends: easel.backends,
    fleet: easel.fleet ?? null,
    workflows: easel.workflows,
    submitWorkflow: (request) => easel.submitWorkflow(request),
    media: easel.media,
    perksOf: async (accountId) => (await easel.perksOf?.(accountId)) ?? {},
    redirectToStore: easel.config.media.s3.redirect,
    definitions: options.definitions ?? definitionsOf(easel.backends, clock),
    healths: new BackendHealths(easel.backends, clock),
    logger,
    clock,
    closing: new Closing(),
    maxUploadBytes: options.maxUploadBytes ?? http.maxUploadBytes,
  };
  const app = fastify({
    logger: false,
    bodyLimit: options.maxBodyBytes ?? http.maxBodyBytes,
    connectionTimeout: STALL_MS,
    genReqId: requestIdOf,
    requestIdHeader: false,
    // `useShutdown` answers in our own words.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      logWhenDone(context, request, reply);
      reply.header(REQUEST_ID_HEADER, request.id);
      return sendProblem(reply, request, error, logger);
    },
    clientErrorHandler: answerMalformed,
  });
  const registry = new RouteRegistry();
  registry.watch(app);
  const { onRoute } = options;
  if (onRoute !== undefined) app.addHook('onRoute', onRoute);
  useLosslessJson(app);
  useProblems(app, logger);
  useShutdown(app, { closing: context.closing, clock, graceMs: options.graceMs ?? 3_000 });
  const hostPolicy = {
    allowedHosts: options.allowedHosts ?? [http.host, ...http.allowedHosts, ...publicHost(easel.config.publicUrl)],
  };
  // First of all, so that what is refused below has a span too.
  useTracing(app, easel.tracing);
  app.addHook('onRequest', async (request, reply) => {
    logWhenDone(context, request, reply);
    reply.header(REQUEST_ID_HEADER, request.id).header('x-content-type-options', 'nosniff');
    checkHost(hostPolicy, request);
    if (context.closing.begun) throw shuttingDown();
  });
  useGuard(app, {
    keys: easel.keys,
    requireKeys: options.requireKeys ?? http.requireKeys ?? !isLoopbackName(http.host),
    clock,
    limits: http,
  });
  useDeclaredAnswers(app);
  app.addHook('onSend', async (_request, reply) => {
    // Answers are about one moment and one account.
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });

  for (const routes of [
    generationRoutes,
    eventRoutes,
    outputRoutes,
    mediaRoutes,
    backendRoutes,
    healthRoutes,
    errorRoutes,
    workflowRoutes,
    deploymentRoutes,
    typeRoutes,
    generateRoutes,
  ])
    app.register(routes(context));
  app.register(mcpRoutes(mcpRoute, { version: options.version ?? '0.0.0', logger }));
  app.register(openApiRoutes({ registry, version: options.version ?? '0.0.0', workflows: easel.workflows }));
  const { keys, webhooks, points, metrics, runReports } = easel;
  if (runReports !== undefined) app.register(hookRoutes(runReports));
  if (keys !== undefined) app.register(keyRoutes(keys));
  if (webhooks !== undefined) app.register(webhookRoutes(webhooks));
  if (points !== undefined) app.register(pointsRoutes(points));
  if (easel.sessions !== undefined) app.register(sessionRoutes(easel.sessions));
  if (metrics !== undefined) {
    app.register(metricsRoutes(metrics));
    app.addHook('onResponse', async (request, reply) => {
      const { method, routeOptions } = request;
      const durationMs = reply.elapsedTime;
      metrics.request({ method, route: routeOptions.url ?? 'none', status: reply.statusCode, durationMs });
    });
  }
  return app;
}

/** The name that a proxy passes on when somebody uses the public address. */
function publicHost(publicUrl: string | undefined): string[] {
  return publicUrl === undefined ? [] : [new URL(publicUrl).hostname];
}
