import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { ALL_SCOPES, type Keys } from '../../src/access/index.js';
import { systemClock } from '../../src/core/clock.js';
import { useGuard } from '../../src/http/access/guard.js';
import { route } from '../../src/http/route.js';

test('who goes while the key is looked up leaves no place taken', async () => {
  const key = {
    accountId: 'ann',
    id: 'key',
    budgetKey: null,
    scopes: ALL_SCOPES,
    ratePerMinute: null,
    maxConcurrent: 1,
  };
  let looks = 0;
  let isAsked = (): void => {};
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const verify = async () => {
    looks += 1;
    isAsked();
    if (looks === 1) await answered;
    return key;
  };
  const app = fastify();
  useGuard(app, {
    keys: { verify } as unknown as Keys,
    requireKeys: true,
    clock: systemClock,
    limits: { ratePerMinute: 100, maxConcurrent: 1, maxStreams: 1 },
  });
  const facts = route({
    ...{ scope: 'generations:read', tag: 'Test', operationId: 'test', summary: 'Test' },
    answers: { 200: { description: 'Done.' } },
  });
  let handled = 0;
  let isHandled = (): void => {};
  const first = new Promise<void>((resolve) => {
    isHandled = resolve;
  });
  app.get('/', facts, async () => {
    handled += 1;
    isHandled();
    return {};
  });
  try {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const connection = once(app.server, 'connection') as Promise<[Socket]>;
    const caller = connect(port, '127.0.0.1');
    caller.write('GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n\r\n');
    const [[socket]] = await Promise.all([connection, asked]);
    const gone = once(socket, 'close');
    caller.destroy();
    await gone;
    answer();
    await first;
    const headers = { authorization: 'Bearer secret' };
    expect((await fetch(`http://127.0.0.1:${port}/`, { headers })).status).toBe(200);
    expect(handled).toBe(2);
  } finally {
    await app.close();
  }
});
