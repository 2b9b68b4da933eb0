import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/log.js';

const MAX_PATH_CHARS = 300;

/**
 * One line per request, when its connection is done with it; event streams and broken-off downloads too. The query is left
 * out: it is where people put tokens. What health probes ask is worth no line as long as it is well.
 */
export function logWhenDone(
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const startedAt = clock.now();
  const path = pathOf(request.url);
  reply.raw.once('close', () => {
    const fields = {
      request_id: request.id,
      method: request.method,
      path,
      status: reply.raw.statusCode,
      duration_ms: clock.now() - startedAt,
      remote: request.ip,
      ...(reply.raw.writableFinished ? {} : { aborted: true }),
    };
    if (path.startsWith('/health/') && reply.raw.statusCode < 400) logger.debug(fields, 'request');
    else logger.info(fields, 'request');
  });
}

export function pathOf(url: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  return path.length <= MAX_PATH_CHARS ? path : `${path.slice(0, MAX_PATH_CHARS)}…`;
}
