import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { census, leakedSince } from '../../test/helpers/leaks.js';
import { VirtualClock } from '../testing/index.js';
import { ComfyUiSocket, type ComfyUiSocketEvent, type ComfyUiSocketOptions } from './socket.js';

/** A websocket server that does what a test tells it, and notes who came. */
class ScriptedServer {
  readonly clientIds: string[] = [];
  readonly authorizations: (string | undefined)[] = [];
  readonly messages: string[] = [];
  readonly sockets: WebSocket[] = [];
  greets = true;
  autoPong = true;
  upgradeStatus: number | null = null;
  #server: Server | null = null;
  #waiting: (() => void)[] = [];

  async listen(port = 0): Promise<number> {
    const server = createServer();
    this.#server = server;
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {});
      if (this.upgradeStatus !== null) {
        socket.end(`HTTP/1.1 ${this.upgradeStatus} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        this.#happened();
        return;
      }
      const handler = new WebSocketServer({ noServer: true, autoPong: this.autoPong });
      handler.handleUpgrade(request, socket, head, (webSocket) => {
        const clientId = new URL(request.url ?? '', 'http://x').searchParams.get('clientId') ?? '';
        this.clientIds.push(clientId);
        this.authorizations.push(request.headers.authorization);
        this.sockets.push(webSocket);
        webSocket.on('message', (data) => {
          this.messages.push(String(data));
          this.#happened();
        });
        webSocket.on('ping', () => this.#happened());
        webSocket.on('close', () => this.#happened());
        if (this.greets) this.send(status(0, clientId));
        this.#happened();
      });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  send(data: unknown): void {
    this.last.send(Buffer.isBuffer(data) ? data : JSON.stringify(data));
  }

  get last(): WebSocket {
    return this.sockets.at(-1) as WebSocket;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    const server = this.#server;
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #happened(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

const status = (remaining: number, sid?: string) => ({
  type: 'status',
  data: { status: { exec_info: { queue_remaining: remaining } }, ...(sid === undefined ? {} : { sid }) },
});

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function setUp(options: Partial<ComfyUiSocketOptions> = {}, server = new ScriptedServer()) {
  const port = await server.listen();
  opened.push(server);
  const clock = new VirtualClock();
  let ids = 0;
  const socket = new ComfyUiSocket({
    baseUrl: `http://127.0.0.1:${port}`,
    clock,
    random: () => 0.5,
    newClientId: () => `id-${++ids}`,
    ...options,
  });
  opened.push(socket);
  const events: ComfyUiSocketEvent[] = [];
  const waiting: (() => void)[] = [];
  socket.on((event) => {
    events.push(event);
    for (const wake of waiting.splice(0)) wake();
  });
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const types = () => events.map((event) => (event.type === 'frame' ? event.frame.type : event.type));
  return { server, clock, socket, events, until, types, port };
}

describe('connecting', () => {
  it('introduces itself first and counts as open with the first status', async () => {
    const server = new ScriptedServer();
    server.greets = false;
    const { socket, until, events } = await setUp({}, server);
    socket.start();
    await server.until(() => server.messages.length === 1);
    expect(JSON.parse(server.messages[0] ?? '')).toEqual({
      type: 'feature_flags',
      data: { supports_preview_metadata: true },
    });
    expect(socket.state).toBe('connecting');
    server.send(status(3, 'id-1'));
    await until(() => events.length === 2);
    expect(events).toEqual([
      { type: 'connected', first: true, clientId: 'id-1' },
      { type: 'frame', frame: { type: 'status', queueRemaining: 3, sid: 'id-1' } },
    ]);
  });

  it('uses the id that the server says is in use', async () => {
    const server = new ScriptedServer();
    server.greets = false;
    const { socket, until, events } = await setUp({}, server);
    socket.start();
    await server.until(() => server.sockets.length === 1);
    server.send(status(0, 'given-by-a-proxy'));
    await until(() => events.length > 0);
    expect(socket.clientId).toBe('given-by-a-proxy');
  });

  it('gives up a connection on which nobody greets', async () => {
    const server = new ScriptedServer();
    server.greets = false;
    const { socket, clock, until, events } = await setUp({ connectTimeoutMs: 10_000 }, server);
    socket.start();
    await server.until(() => server.messages.length === 1);
    server.greets = true;
    await clock.advance(10_000);
    await clock.whenPending();
    await clock.advanceToNext();
    await until(() => events.length > 0);
    expect(server.clientIds).toEqual(['id-1', 'id-2']);
  });

  it('sends the credentials', async () => {
    const server = new ScriptedServer();
    const { socket, until, types } = await setUp({ auth: { type: 'bearer', token: 'secret' } }, server);
    socket.start();
    await until(() => types().includes('status'));
    expect(server.authorizations).toEqual(['Bearer secret']);
  });
});

describe('frames', () => {
  it('hands on text and binary frames and ignores the rest', async () => {
    const { server, socket, until, types } = await setUp();
    socket.start();
    await until(() => types().includes('status'));
    server.send({ type: 'some.extension', data: {} });
    server.send(Buffer.from([0, 0, 0, 9, 0, 0, 0, 0]));
    server.send({ type: 'execution_start', data: { prompt_id: 'p' } });
    server.send(Buffer.from([0, 0, 0, 1, 0, 0, 0, 2, 137]));
    await until(() => types().includes('preview'));
    expect(types()).toEqual(['connected', 'status', 'execution_start', 'preview']);
  });

  it('survives a listener that throws', async () => {
    const { server, socket, until, types } = await setUp();
    socket.on(() => {
      throw new Error('not my fault');
    });
    socket.start();
    await until(() => types().includes('status'));
    server.send({ type: 'execution_start', data: { prompt_id: 'p' } });
    await until(() => types().includes('execution_start'));
  });

  it('ends a connection that sends too large a frame', async () => {
    const { server, socket, until, types } = await setUp({ maxFrameBytes: 1_000 });
    socket.start();
    await until(() => types().includes('status'));
    server.send({ type: 'execution_start', data: { prompt_id: 'x'.repeat(2_000) } });
    await until(() => types().includes('disconnected'));
    expect(types()).not.toContain('execution_start');
  });
});

describe('reconnecting', () => {
  it('comes back under a new id, because the server may still hold the old connection', async () => {
    const { server, socket, clock, until, types, events } = await setUp();
    socket.start();
    await until(() => types().includes('status'));
    server.last.terminate();
    await until(() => types().includes('disconnected'));
    expect(socket.clientId).toBe('id-2');
    await clock.advanceToNext();
    await until(() => types().filter((type) => type === 'connected').length === 2);
    expect(server.clientIds).toEqual(['id-1', 'id-2']);
    expect(events.filter((event) => event.type === 'connected').map((event) => event.first)).toEqual([true, false]);
  });

  it('waits longer after each failure, up to a limit, with jitter, and keeps the id that nobody has seen', async () => {
    const server = new ScriptedServer();
    const port = await server.listen();
    await server.close();
    const { socket, clock } = await setUp({
      baseUrl: `http://127.0.0.1:${port}`,
      backoff: { baseMs: 100, maxMs: 1_000 },
    });
    socket.start();
    const delays: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      while (socket.state !== 'waiting') await new Promise((resolve) => setImmediate(resolve));
      delays.push((clock.nextDueAt ?? 0) - clock.now());
      await clock.advanceToNext();
    }
    expect(delays).toEqual([100, 200, 400, 500, 500, 500]);
    expect(socket.clientId).toBe('id-1');
  });

  it('begins with short delays again after a connection that lasted', async () => {
    const { server, socket, clock, until, types } = await setUp({ backoff: { baseMs: 100, maxMs: 60_000 } });
    socket.start();
    await until(() => types().includes('status'));
    await clock.advance(6_000);
    server.last.terminate();
    await until(() => types().includes('disconnected'));
    expect((clock.nextDueAt ?? 0) - clock.now()).toBe(50);
  });

  it('keeps its id when the server refuses the upgrade', async () => {
    const server = new ScriptedServer();
    server.upgradeStatus = 403;
    const { socket } = await setUp({}, server);
    socket.start();
    while (socket.state !== 'waiting') await new Promise((resolve) => setImmediate(resolve));
    expect(socket.clientId).toBe('id-1');
  });

  it('reconnects when the server has been silent for too long, and not when it only stalls', async () => {
    const server = new ScriptedServer();
    server.autoPong = false;
    const { socket, clock, until, types } = await setUp({ pingIntervalMs: 10_000, silenceLimitMs: 30_000 }, server);
    socket.start();
    await until(() => types().includes('status'));
    await clock.advance(20_000);
    server.send(status(1));
    await until(() => types().filter((type) => type === 'status').length === 2);
    await clock.advance(20_000);
    expect(types()).not.toContain('disconnected');
    await clock.advance(10_000);
    await until(() => types().includes('disconnected'));
  });

  it('takes pongs for signs of life', async () => {
    const { server, socket, clock, until, types } = await setUp({ pingIntervalMs: 10_000, silenceLimitMs: 30_000 });
    socket.start();
    await until(() => types().includes('status'));
    let pings = 0;
    server.last.on('ping', () => {
      pings += 1;
    });
    for (let round = 1; round <= 6; round += 1) {
      await clock.advance(10_000);
      await server.until(() => pings === round);
      // A ping of the server's own, which the client does not count, comes back only after the client has read its pong.
      const roundTrip = new Promise((resolve) => server.last.once('pong', resolve));
      server.last.ping();
      await roundTrip;
    }
    expect(socket.state).toBe('open');
  });
});

describe('waiting for the connection', () => {
  it('does not wait unless one is being made', async () => {
    const { socket, until, types } = await setUp();
    expect(await socket.whenOpen(1_000)).toBe(false);
    socket.start();
    expect(await socket.whenOpen(1_000)).toBe(true);
    await until(() => types().includes('status'));
    expect(await socket.whenOpen(1_000)).toBe(true);
    await socket.close();
    expect(await socket.whenOpen(1_000)).toBe(false);
  });

  it('waits no longer than it is told', async () => {
    const server = new ScriptedServer();
    server.greets = false;
    const { socket, clock } = await setUp({}, server);
    socket.start();
    const wait = socket.whenOpen(500);
    await server.until(() => server.sockets.length === 1);
    await clock.advance(500);
    expect(await wait).toBe(false);
  });
});

describe('closing', () => {
  it.each(['open', 'connecting', 'waiting'] as const)('leaves nothing behind when %s', async (state) => {
    const server = new ScriptedServer();
    server.greets = state !== 'connecting';
    const { socket, clock } = await setUp({}, server);
    const before = census();
    socket.start();
    await server.until(() => server.sockets.length === 1);
    if (state === 'waiting') server.last.terminate();
    while (socket.state !== state) await new Promise((resolve) => setImmediate(resolve));
    await socket.close();
    expect(clock.pending).toBe(0);
    await server.until(() => server.sockets.every((one) => one.readyState === one.CLOSED));
    expect(await leakedSince(before)).toEqual([]);
    expect(socket.state).toBe('closed');
  });

  it('does not wait for a server that does not answer the close', async () => {
    const { server, socket, clock, until, types } = await setUp();
    socket.start();
    await until(() => types().includes('status'));
    server.last.pause();
    const closing = socket.close();
    await clock.advance(1_000);
    await closing;
    expect(clock.pending).toBe(0);
    server.last.resume();
  });
});
