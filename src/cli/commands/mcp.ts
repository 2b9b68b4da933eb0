import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { EaselClient } from '../../client/index.js';
import { createLogger } from '../../logger.js';
import { createMcpServer } from '../../mcp/index.js';
import { loadCliConfig } from '../configuration.js';
import type { CommandContext } from '../program.js';
import { untilStopped } from '../stop.js';

export interface McpOptions {
  readonly url?: string;
}

/** The key for the Easel that is spoken to: among the arguments every user of the machine could read it. */
const KEY_VARIABLE = 'EASEL_KEY';

/** `easel mcp`: tools for an assistant over standard input and output, run by an Easel that serves. */
export async function mcpCommand(context: CommandContext, options: McpOptions): Promise<number> {
  const { io, globals, version } = context;
  const { config } = await loadCliConfig(io, globals);
  const { host, port } = config.http;
  const key = io.environment[KEY_VARIABLE];
  const client = new EaselClient({
    baseUrl: options.url ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ...(key === undefined || key === '' ? {} : { key }),
  });
  const server = createMcpServer({ client, version, logger: createLogger(config) });
  const closed = new Promise<void>((resolve) => {
    server.onclose = resolve;
  });
  // Whoever started us ends us by closing the pipe.
  io.stdin.once('end', () => void server.close());
  await server.connect(new StdioServerTransport());
  await Promise.race([closed, untilStopped(io)]);
  await server.close();
  return 0;
}
