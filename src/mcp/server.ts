import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Logger } from '../core/log.js';
import { EaselTools, type ToolOptions } from './tools.js';

export interface McpServerOptions extends ToolOptions {
  readonly version: string;
  readonly logger: Logger;
}

/** A server of the Model Context Protocol, to be connected to a transport. */
export function createMcpServer({ version, logger, ...options }: McpServerOptions): Server {
  const tools = new EaselTools(options);
  const server = new Server(
    { name: 'easel', title: 'Easel', version },
    {
      capabilities: { tools: {} },
      instructions:
        'Each run_… tool runs one workflow and answers with the pictures that it makes, which may take minutes.',
    },
  );
  server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools: await tools.list() }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
    const progressToken = params._meta?.progressToken;
    let told = -1;
    return tools.call({
      name: params.name,
      arguments: params.arguments ?? {},
      signal,
      onProgress: (percent, message) => {
        // The protocol wants it to grow.
        if (progressToken === undefined || percent <= told) return;
        told = percent;
        const notification = { progressToken, progress: percent, total: 100, ...(message === '' ? {} : { message }) };
        sendNotification({ method: 'notifications/progress', params: notification }).catch((error: unknown) => {
          logger.debug({ err: error }, 'progress could not be told');
        });
      },
    });
  });
  return server;
}
