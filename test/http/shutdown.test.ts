import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { listen } from '../../src/http/index.js';
import { GRAPH } from '../generations/harness.js';
import { census, leakedSince } from '../helpers/leaks.js';
import { rawSocket, type TestServer, useServers } from './harness.js';

/** Collects what arrives until the other side ends. */
function collect(socket: Socket): { readonly text: () => string; readonly ended: Promise<void> } {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { text: () => text, ended };
}

async function send(port: number, head: string) {
  const socket = await rawSocket(port);
  const reply = collect(socket);
  socket.write(`${head}\r\nHost: 127.0.0.1\r\n\r\n`);
  await once(socket, 'data');
  return { socket, ...reply };
}

/** Until so many connections are open, as the server sees it. */
async function connected(app: TestServer['app'], count: number): Promise<void> {
  const countNow = () => new Promise<number>((resolve) => app.server.getConnections((_error, open) => resolve(open)));
  while ((await countNow()) < count) await nextTurn();
}

describe('closing', () => {
  const server = useServers();

  test('is quick with idle, fresh, streaming and waiting connections', async () => {
    const before = census();
    const { app, submit, backend, generations, listen: start } = await server();
    const { port, close } = await start();
    const id = await submit();
    await backend.whenAccepted(1);
    const idle = await Promise.all(Array.from({ length: 5 }, () => send(port, 'GET /health/live HTTP/1.1')));
    const fresh = await Promise.all(Array.from({ length: 3 }, () => rawSocket(port)));
    const freshReplies = fresh.map(collect);
    const streams = await Promise.all(
      Array.from({ length: 5 }, () => send(port, `GET /v1/generations/${id}/events HTTP/1.1`)),
    );
    const waiting = fetch(`http://127.0.0.1:${port}/v1/generations`, {
      method: 'POST',
      body: JSON.stringify({ graph: GRAPH }),
      headers: { 'content-type': 'application/json', prefer: 'wait=100' },
    });
    await connected(app, 14);
    while ((await generations.list({ accountId: 'local' })).length < 2) await nextTurn();

    const startedAt = performance.now();
    await close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);

    // The one that waited learns that its generation was accepted.
    expect((await waiting).status).toBe(202);
    await (await waiting).text();
    await Promise.all([...idle, ...freshReplies, ...streams].map(({ ended }) => ended));
    for (const stream of streams) {
      expect(stream.text()).toContain('event: started');
      // Ended in due form, not cut off.
      expect(stream.text()).toMatch(/\r\n0\r\n\r\n$/);
    }
    await close();
    await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow();
    expect((await leakedSince(before)).filter((leak) => !leak.startsWith('Timeout'))).toEqual([]);
  });

  test('lets a request under way finish, and hangs up right after it', async () => {
    const { generations, listen: start } = await server();
    const { port, close } = await start();
    let answerNow = (): void => {};
    const asked = new Promise<void>((resolve) => {
      generations.list = () => {
        resolve();
        return new Promise((give) => {
          answerNow = () => give([]);
        });
      };
    });
    const answer = fetch(`http://127.0.0.1:${port}/v1/generations`);
    await asked;
    const closed = close();
    answerNow();
    expect((await answer).status).toBe(200);
    await (await answer).text();
    const startedAt = performance.now();
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('refuses what comes on a connection that is still open', async () => {
    const { app, generations, listen: start } = await server();
    const { port, close } = await start();
    let answerNow = (): void => {};
    const asked = new Promise<void>((resolve) => {
      generations.list = () => {
        resolve();
        return new Promise((give) => {
          answerNow = () => give([]);
        });
      };
    });
    const socket = await rawSocket(port);
    const { text, ended } = collect(socket);
    socket.write('GET /v1/generations HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await asked;
    const closed = close();
    const second = once(app.server, 'request');
    socket.write('GET /v1/backends HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await second;
    answerNow();
    await closed;
    await ended;
    expect(text()).toContain('"data":[]');
    expect(text()).toContain('"code":"shutting_down"');
  });

  test('hangs up on what does not end within the grace', async () => {
    const { generations, listen: start } = await server({ graceMs: 200 });
    const { port, close } = await start();
    const asked = new Promise<void>((resolve) => {
      generations.list = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    const answer = fetch(`http://127.0.0.1:${port}/v1/generations`).then(
      () => 'answered',
      () => 'cut off',
    );
    await asked;
    const startedAt = performance.now();
    await close();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(await answer).toBe('cut off');
  });

  test('lets an upload that stalls go', async () => {
    const { listen: start } = await server({ graceMs: 200 });
    const { port, close } = await start();
    const socket = await rawSocket(port);
    const { ended } = collect(socket);
    socket.write('POST /v1/media HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nhalf');
    await close();
    await ended;
  });
});

describe('listening', () => {
  const server = useServers();

  test.each(['0.0.0.0', '::', '192.168.1.5', 'easel.example'])(
    'is refused on %s as long as there are no keys',
    async (host) => {
      const { app } = await server();
      const error = await listen(app, { host, port: 0 }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ConfigError);
      expect(error).toMatchObject({ code: 'config_invalid', hint: expect.stringContaining('easel keys create') });
    },
  );

  test('is possible everywhere for who insists', async () => {
    const { app } = await server({ allowedHosts: ['0.0.0.0'] });
    const { url } = await listen(app, { host: '0.0.0.0', port: 0, insecurePublicBind: true });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  test('on localhost is on 127.0.0.1', async () => {
    const { app } = await server();
    const { url, port } = await listen(app, { host: 'localhost', port: 0 });
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect((await fetch(`http://localhost:${port}/health/live`)).status).toBe(200);
  });

  test('on a port that is taken says so', async () => {
    const one = await server();
    const { port } = await one.listen();
    const two = await server();
    await expect(listen(two.app, { host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('another program'),
    });
  });
});
