import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../core/clock.js';
import { LOCAL_ACCOUNT } from '../account.js';
import type { HttpContext } from '../context.js';
import { route } from '../route.js';

/** A database that does not answer within this time is as good as none. */
const DATABASE_LIMIT_MS = 3_000;

const liveRoute = route({
  operationId: 'isLive',
  tag: 'Health',
  summary: 'Does the process answer?',
  scope: 'public',
  answers: { 200: { description: 'It does.', schema: z.object({ status: z.literal('live') }) } },
});

const readySchema = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    database: z.enum(['ok', 'failed']),
    backends: z.object({ ready: z.int(), total: z.int() }),
  })
  .meta({ id: 'Readiness' });

const readyRoute = route({
  operationId: 'isReady',
  tag: 'Health',
  summary: 'Would a generation be stored, and could it be run?',
  scope: 'public',
  answers: {
    200: { description: 'Yes.', schema: readySchema },
    503: { description: 'No.', schema: readySchema },
  },
});

/**
 * For supervisors and load balancers. `live`: the process answers; restart it when not. `ready`: a generation submitted now
 * would be stored and could be run; send it nothing when not.
 */
export const healthRoutes =
  ({ generations, healths, clock, logger }: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.get('/health/live', liveRoute, async () => ({ status: 'live' }));

    app.get('/health/ready', readyRoute, async (_request, reply) => {
      const [database, looks] = await Promise.all([
        answersInTime(clock, () => generations.list({ accountId: LOCAL_ACCOUNT, limit: 1 })),
        healths.look(),
      ]);
      if (database !== null) logger.warn({ err: database }, 'the database does not answer');
      const ready = looks.filter(({ health }) => health.state === 'ready').length;
      const isReady = database === null && ready > 0;
      return reply.code(isReady ? 200 : 503).send({
        status: isReady ? 'ready' : 'not_ready',
        database: database === null ? 'ok' : 'failed',
        backends: { ready, total: looks.length },
      });
    });
  };

/** Null when it does, otherwise why not. */
async function answersInTime(clock: Clock, ask: () => Promise<unknown>): Promise<unknown> {
  let give = (_reason: unknown): void => {};
  const tooLate = new Promise<unknown>((resolve) => {
    give = resolve;
  });
  const timer = clock.setTimer(() => give(new Error(`No answer within ${DATABASE_LIMIT_MS} ms.`)), DATABASE_LIMIT_MS);
  try {
    const answer = ask().then(
      () => null,
      (error: unknown) => error,
    );
    return await Promise.race([answer, tooLate]);
  } finally {
    timer.cancel();
  }
}
