import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { OutboundClient } from '../../src/outbound/index.js';
import { guardedSender, type OutgoingWebhook } from '../../src/webhooks/index.js';

/** The sender against real sockets: what a receiver may do to us, and where we do not go. */
describe('sending a webhook', () => {
  const cleanups: (() => Promise<unknown> | unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function serve(handler: RequestListener): Promise<string> {
    const server = createServer(handler);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return `http://receiver.example:${(server.address() as AddressInfo).port}/hook`;
  }

  /** `receiver.example` is allowed and leads here; every other name leads inward too, and is not allowed. */
  function sender() {
    const client = new OutboundClient({
      clock: systemClock,
      allow: ['receiver.example'],
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    });
    cleanups.push(() => client.close());
    return guardedSender(client);
  }

  const message = (url: string, more: Partial<OutgoingWebhook> = {}): OutgoingWebhook => ({
    url,
    headers: { 'content-type': 'application/json', 'webhook-id': 'm' },
    body: '{"type":"generation.succeeded"}',
    timeoutMs: 5_000,
    maxAnswerBytes: 16,
    signal: new AbortController().signal,
    ...more,
  });

  test('posts the body, and reads only the beginning of the answer', async () => {
    let body = '';
    const url = await serve((request, response) => {
      request.on('data', (piece: Buffer) => {
        body += piece.toString();
      });
      request.on('end', () => response.writeHead(201, { 'retry-after': '7' }).end('x'.repeat(500_000)));
    });
    const answer = await sender()(message(url));
    expect(answer).toEqual({ status: 201, retryAfterMs: 7_000, text: 'x'.repeat(16) });
    expect(body).toBe('{"type":"generation.succeeded"}');
  });

  test('does not follow a redirect, inward or anywhere', async () => {
    let inward = 0;
    const inside = await serve((_, response) => {
      inward += 1;
      response.end();
    });
    const url = await serve((_, response) => {
      response.writeHead(307, { location: inside.replace('receiver.example', '127.0.0.1') }).end();
    });
    expect(await sender()(message(url))).toMatchObject({ status: 307 });
    expect(inward).toBe(0);
  });

  test('refuses addresses that lead inward, whatever they are called', async () => {
    const url = await serve(() => expect.fail('nothing may arrive'));
    const { port } = new URL(url);
    for (const host of ['127.0.0.1', '[::1]', '2130706433', '0.0.0.0', 'metadata.example', '169.254.169.254']) {
      await expect(sender()(message(`http://${host}:${port}/`))).rejects.toMatchObject({
        code: expect.stringMatching(/^outbound_(forbidden|refused)$/),
      });
    }
  });

  test('gives up on a receiver that hangs, or sends its answer for ever', async () => {
    const hangs = await serve(() => {});
    await expect(sender()(message(hangs, { timeoutMs: 50 }))).rejects.toMatchObject({ code: 'outbound_timeout' });
    const drips = await serve((_, response) => {
      response.writeHead(200);
      response.write('a');
    });
    expect(await sender()(message(drips, { timeoutMs: 100 }))).toMatchObject({ status: 200 });
  });

  test('tells a connection that was refused or cut', async () => {
    const cut = await serve((request) => request.socket.destroy());
    await expect(sender()(message(cut))).rejects.toMatchObject({ code: 'outbound_failed' });
  });
});
