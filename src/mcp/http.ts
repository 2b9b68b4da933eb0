import { Readable } from 'node:stream';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { FastifyInstance, FastifyPluginAsync, InjectOptions } from 'fastify';
import { EaselClient } from '../client/index.js';
import type { Logger } from '../core/log.js';
import { createMcpServer } from './server.js';

export interface McpRouteOptions {
  readonly version: string;
  readonly logger: Logger;
}

/**
 * The protocol over HTTP at `/mcp` (streamable, without sessions: each request stands for itself, so any node may answer
 * it). The caller's own key goes on to the API, within this process.
 */
export const mcpRoutes =
  (config: object, { version, logger }: McpRouteOptions): FastifyPluginAsync =>
  async (app) => {
    app.post('/mcp', config, async (request, reply) => {
      const { authorization } = request.headers;
      const account = request.headers['easel-account'];
      const client = new EaselClient({
        baseUrl: 'http://127.0.0.1',
        fetch: fetchWithin(app),
        maxTries: 1,
        ...(authorization === undefined ? {} : { key: authorization.replace(/^Bearer +/i, '') }),
        ...(typeof account === 'string' ? { account } : {}),
      });
      const server = createMcpServer({ client, version, logger });
      const transport = new StreamableHTTPServerTransport({});
      reply.raw.once('close', () => {
        void transport.close();
        void server.close();
      });
      // Its types say that handlers may be undefined, ours that they may be absent.
      await server.connect(transport as Parameters<typeof server.connect>[0]);
      reply.hijack();
      await transport.handleRequest(request.raw, reply.raw, request.body);
    });
  };

/** The API of this very server, without a connection. Bodies are streamed, so that events come as they happen. */
function fetchWithin(app: FastifyInstance): typeof fetch {
  return async (input, init) => {
    const request = input instanceof Request ? input : new Request(input, init);
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
    const answer = await app.inject({
      method: request.method as NonNullable<InjectOptions['method']>,
      url: request.url,
      headers: Object.fromEntries(request.headers),
      payloadAsStream: true,
      signal: request.signal,
      ...(body === undefined ? {} : { payload: body }),
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined) headers.set(name, String(value));
    }
    const isEmpty = answer.statusCode === 204 || answer.statusCode === 304;
    return new Response(isEmpty ? null : (Readable.toWeb(answer.stream()) as ReadableStream<Uint8Array>), {
      status: answer.statusCode,
      headers,
    });
  };
}
