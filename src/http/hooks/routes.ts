import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { parseWebhook } from '../../comfydeploy/index.js';
import { EaselError } from '../../core/errors.js';
import type { RunReports } from '../../generations/index.js';
import { route } from '../route.js';

interface TokenParams {
  readonly token: string;
}

/** Outputs come along in a report; they are not read. */
const MAX_REPORT_BYTES = 4 * 1024 * 1024;

const reportRoute = route({
  operationId: 'reportRun',
  tag: 'Hooks',
  summary: 'ComfyDeploy reports on a run',
  description: 'For ComfyDeploy alone: the path is secret, one for each attempt. A report is a hint to read the run.',
  scope: 'public',
  body: { schema: z.unknown() },
  answers: { 204: { description: 'Heard, whatever it said.' } },
});

/**
 * Reports of backends. Whoever knows the path may send one, which does no more than have a run read early; so what is
 * malformed under a right path is answered like the rest.
 */
export const hookRoutes =
  (reports: RunReports): FastifyPluginAsync =>
  async (app) => {
    app.post<{ Params: TokenParams }>(
      '/v1/hooks/comfydeploy/:token',
      { ...reportRoute, bodyLimit: MAX_REPORT_BYTES },
      async (request, reply) => {
        const isOurs = await reports.receive(request.params.token, parseWebhook(request.body)?.runId ?? null);
        if (!isOurs) throw new EaselError('not_found', 'There is no such hook.');
        return reply.code(204).send();
      },
    );
  };
