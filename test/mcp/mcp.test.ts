import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/access/index.js';
import { type Listening, listen } from '../../src/http/index.js';
import { main, root } from '../e2e/easel.js';
import { GRAPH } from '../generations/harness.js';
import { type WholeServer, wholeServer } from '../http/whole.js';

/** Driven by the official client, over both transports. */
describe('the Model Context Protocol', () => {
  let server: WholeServer;
  let listening: Listening;
  let key = '';
  const clients: Client[] = [];
  beforeAll(async () => {
    server = await wholeServer({
      requireKeys: true,
      config: { points: { enabled: true, prices: [{ workflow: 'priced', flat: 5 }] } },
    });
    listening = await listen(server.app, { host: '127.0.0.1', port: 0 });
    const { authorization } = await server.keyOf('ann');
    key = authorization.replace('Bearer ', '');
    const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const picture = server.backend.addFile('a.png', bytes);
    server.backend.autoFinish = () => [picture];
    for (const name of ['plain', 'priced']) {
      const manifest = {
        description: `The ${name} one.`,
        inputs: [{ name: 'width', target: '1.width', type: 'integer', min: 16, max: 256 }],
      };
      await server.easel.workflows.add({ name, file: { format: 'api', graph: GRAPH }, manifest });
    }
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });
  afterAll(() => server.close());

  async function connect(transport: unknown): Promise<Client> {
    const client = new Client({ name: 'test', version: '1' });
    clients.push(client);
    await client.connect(transport as Transport);
    return client;
  }
  const overHttp = (token: string) =>
    connect(
      new StreamableHTTPClientTransport(new URL(`${listening.url}/mcp`), {
        requestInit: { headers: { authorization: `Bearer ${token}` } },
      }),
    );
  const overStdio = () =>
    connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [main, 'mcp', '--url', listening.url],
        cwd: root,
        env: { EASEL_KEY: key, PATH: process.env['PATH'] ?? '' },
        stderr: 'inherit',
      }),
    );

  test.each([
    ['HTTP', () => overHttp(key)],
    ['standard input and output', overStdio],
  ])('workflows are tools, over %s', async (_, open) => {
    const client = await open();
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['run_plain', 'run_priced', 'get_generation', 'cancel_generation']);
    expect(tools[0]).toMatchObject({
      description: 'The plain one.',
      inputSchema: { type: 'object', properties: { width: { anyOf: [{ minimum: 16, maximum: 256 }, {}] } } },
    });
    const told: number[] = [];
    const answer = await client.callTool({ name: 'run_plain', arguments: { width: 32 } }, undefined, {
      onprogress: ({ progress }) => told.push(progress),
    });
    expect(answer.isError).toBe(false);
    const [words, picture] = answer.content as { type: string; text?: string; mimeType?: string; data?: string }[];
    expect(words?.text).toMatch(/^Generation [0-9a-f-]{36}: succeeded\.\na\.png \(image\/png, \d+ bytes\): \/v1\//);
    expect(picture).toMatchObject({ type: 'image', mimeType: 'image/png' });
    expect((await sharp(Buffer.from(picture?.data ?? '', 'base64')).metadata()).width).toBe(8);
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });

  test('what is wrong with a call is told to the model', async () => {
    const client = await overHttp(key);
    const answer = await client.callTool({ name: 'run_plain', arguments: { width: 1, wdth: 2 } });
    expect(answer.isError).toBe(true);
    const [{ text = '' } = {}] = answer.content as { text?: string }[];
    expect(text).toMatch(/workflow_input_invalid/);
    expect(text).toMatch(/#\/inputs\/width .*16/);
    expect(text).toMatch(/wdth/);
    expect((await client.callTool({ name: 'run_gone' })).isError).toBe(true);
  });

  test('a key pays, and may no more than elsewhere', async () => {
    const client = await overHttp(key);
    const poor = await client.callTool({ name: 'run_priced', arguments: {} });
    expect(poor).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('points_insufficient') }] });
    const grant = { accountId: 'ann', amount: 7_000_000, idempotencyKey: 'g' };
    await server.easel.points.grant(grant);
    expect((await client.callTool({ name: 'run_priced', arguments: {} })).isError).toBe(false);
    expect((await server.easel.points.balance('ann')).credit).toBe(2_000_000);

    const scopes: Scope[] = ['workflows:read', 'generations:read'];
    const { authorization } = await server.keyOf('ann', scopes);
    const reader = await overHttp(authorization.replace('Bearer ', ''));
    const refused = await reader.callTool({ name: 'run_plain', arguments: {} });
    expect(refused).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('generations:write') }] });
  });

  test('generations can be looked at and cancelled; those of others are not there', async () => {
    const { autoFinish } = server.backend;
    server.backend.autoFinish = null;
    try {
      const { id } = await server.easel.generations.submit({ accountId: 'ann', graph: GRAPH });
      const other = await server.keyOf('bob');
      const bob = await overHttp(other.authorization.replace('Bearer ', ''));
      expect((await bob.callTool({ name: 'cancel_generation', arguments: { id } })).isError).toBe(true);
      const client = await overHttp(key);
      await client.callTool({ name: 'cancel_generation', arguments: { id } });
      await server.easel.generations.wait(id, 'ann');
      const look = await client.callTool({ name: 'get_generation', arguments: { id } });
      expect(look.content).toMatchObject([{ text: expect.stringContaining('cancelled') }]);
    } finally {
      server.backend.autoFinish = autoFinish;
    }
  });

  test('nobody gets in without a key', async () => {
    await expect(overHttp('easel_wrong')).rejects.toThrow();
  });
});
