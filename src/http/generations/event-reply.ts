import type { FastifyReply, FastifyRequest } from 'fastify';
import { stringifyLossless } from '../../core/json.js';
import { eventJson, type GenerationEvent } from '../../generations/index.js';
import type { HttpContext } from '../context.js';
import { EventStream, type Frame } from '../event-stream.js';

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 2_000;

/**
 * Sends what `frames` yields until it ends, the reader goes or the server closes; `stop` is aborted then. What breaks it off
 * cuts the connection, and the client connects anew and resumes.
 */
export function sendEvents(
  { clock, closing, logger }: Pick<HttpContext, 'clock' | 'closing' | 'logger'>,
  request: FastifyRequest,
  reply: FastifyReply,
  { frames, stop }: { readonly frames: AsyncIterable<Frame>; readonly stop: AbortController },
): FastifyReply {
  let release = (): void => {};
  const stream = new EventStream({
    clock,
    heartbeatMs: HEARTBEAT_MS,
    retryMs: RETRY_MS,
    onClose: () => {
      release();
      stop.abort();
    },
  });
  release = closing.onBegin(() => {
    stop.abort();
    stream.finish();
  });
  const follow = async (): Promise<void> => {
    try {
      for await (const frame of frames) stream.send(frame);
      stream.finish();
    } catch (error) {
      if (stop.signal.aborted) return;
      logger.warn({ request_id: request.id, path: request.routeOptions.url, err: error }, 'an event stream broke off');
      stream.destroy();
    }
  };
  void follow();
  return (
    reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      // nginx would collect events until its buffer is full.
      .header('x-accel-buffering', 'no')
      .send(stream)
  );
}

/** `id` is what resumes after it. */
export function frameOf(event: GenerationEvent, id: string | null): Frame {
  return {
    ...(id === null ? {} : { id }),
    event: event.type,
    data: () => stringifyLossless(eventJson(event)),
    // Of what changes all the time, a slow reader gets the newest of each generation.
    ...(id === null && event.type !== 'warning' ? { newestOf: `${event.generationId} ${event.type}` } : {}),
  };
}
