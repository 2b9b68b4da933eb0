import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { EaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import type { Logger } from '../core/log.js';
import { pathOf } from './access-log.js';
import { PROBLEM_TYPE, requestInvalid, toHttpError, toProblem } from './problem.js';
import { REQUEST_ID_HEADER } from './request-id.js';

/** Every bad end of a request becomes problem+json, whoever found it: a route, the router, the body parser, Node. */

export function useProblems(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((thrown, request, reply) => sendProblem(reply, request, thrown, logger));
  app.setNotFoundHandler((request, reply) => {
    const message = `There is no route ${request.method} ${pathOf(request.url)}.`;
    const hint = 'Check path and method; the routes are in the API reference.';
    return sendProblem(reply, request, new EaselError('not_found', message, { hint }), logger);
  });
}

export function sendProblem(
  reply: FastifyReply,
  request: FastifyRequest,
  thrown: unknown,
  logger: Logger,
): FastifyReply {
  const error = toHttpError(thrown);
  if (error.httpStatus >= 500 && !request.raw.aborted) {
    const fields = {
      request_id: request.id,
      method: request.method,
      path: pathOf(request.url),
      err: error.cause ?? error,
    };
    if (error.code === 'internal') logger.error(fields, 'request failed');
    else logger.warn({ ...fields, err: error }, 'request failed');
  }
  // The framework wants to hang up after an error in a body. On a body that is still arriving the client would see its
  // connection reset instead of the answer; Node reads the rest and throws it away.
  if (!request.raw.complete) reply.removeHeader('connection');
  const wait = error.details?.['retryAfterSeconds'];
  if (typeof wait === 'number') reply.header('retry-after', wait);
  const problem = toProblem(error, request.id);
  return reply
    .code(problem.status)
    .header('content-type', PROBLEM_TYPE)
    .header('cache-control', 'no-store')
    .send(problem);
}

const MALFORMED: Readonly<Record<string, { readonly status: number; readonly detail: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'The request took too long to arrive.' },
  HPE_HEADER_OVERFLOW: { status: 431, detail: 'The headers of the request are too large.' },
};

/** For bytes that are no HTTP request: there is no route, no reply, only a socket. */
export function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const { status, detail } = MALFORMED[error.code ?? ''] ?? { status: 400, detail: 'This is not an HTTP request.' };
  const requestId = newId();
  const body = JSON.stringify(toProblem(requestInvalid(detail), requestId, status));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `${REQUEST_ID_HEADER}: ${requestId}`,
  ];
  if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // What is left of the bad request must not keep the socket open.
  socket.once('finish', () => socket.destroy());
}

export function shuttingDown(): EaselError {
  return new EaselError('shutting_down', 'This server is stopping.');
}
