import { execFileSync } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/index.js';
import { headerNames, Internet, redirectTo } from './internet.js';

const internet = new Internet();
const SITE = '93.184.216.34';
const OTHER = '93.184.216.35';

describe('an answer', () => {
  it('comes with status, headers, type and final address', async () => {
    await internet.site('a.example', SITE, (request, response) => {
      if (request.url === '/') return redirectTo('/final?x=1#frag')(request, response);
      response.writeHead(200, { 'Content-Type': 'Image/PNG; q=1', 'set-cookie': ['a=1', 'b=2'] }).end('bytes');
    });
    const { bytes, body: _body, ...rest } = await internet.client().fetchBytes('http://a.example/#top');
    expect(bytes.toString()).toBe('bytes');
    expect(rest).toMatchObject({
      status: 200,
      contentType: 'image/png',
      url: 'http://a.example/final?x=1',
      headers: { 'set-cookie': 'a=1, b=2' },
    });
  });

  it.each([404, 500, 302])('of status %i is an answer like another when no redirect is wanted', async (status) => {
    await internet.site('a.example', SITE, redirectTo('http://127.0.0.1/', status));
    const response = await internet.client().fetchBytes('http://a.example/', { method: 'POST', body: '{}' });
    expect(response.status).toBe(status);
  });

  it.each([
    ['stated', { 'content-length': '2000000' }],
    ['found out on the way', {}],
  ])('that is too large ends early: %s', async (_how, headers) => {
    let isClosed: Promise<void> | undefined;
    await internet.site('a.example', SITE, (request, response) => {
      isClosed = new Promise((resolve) => request.socket.once('close', () => resolve()));
      response.writeHead(200, headers);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(10_000)));
        response.once('drain', more);
      };
      more();
    });
    await expect(internet.client().fetchBytes('http://a.example/', { maxBytes: 1_000_000 })).rejects.toMatchObject({
      code: 'payload_too_large',
    });
    await isClosed;
  });

  it.each([
    ['text/html', 'outbound_refused'],
    [undefined, 'outbound_refused'],
    ['image/png', 'ok'],
    ['video/mp4', 'ok'],
    ['imagex/png', 'outbound_refused'],
  ])('must state an accepted type: %s', async (type, expected) => {
    await internet.site('a.example', SITE, (_request, response) =>
      response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end('x'),
    );
    const acceptTypes = ['image/*', 'video/mp4'];
    const result = await internet
      .client()
      .fetchBytes('http://a.example/', { acceptTypes })
      .then(
        () => 'ok',
        (error: { code: string }) => error.code,
      );
    expect(result).toBe(expected);
  });

  it('to a streamed body is the first one: it has a length, and cannot be sent a second time', async () => {
    const seen: string[] = [];
    await internet.site('a.example', SITE, async (request, response) => {
      seen.push(`${request.method} ${request.headers['content-length']} ${await text(request)}`);
      redirectTo('/other', 307)(request, response);
    });
    const body = { stream: Readable.from([Buffer.from('one '), Buffer.from('two')]), bytes: 7 };
    const answer = await internet.client().fetchBytes('http://a.example/', { method: 'PUT', body, maxRedirects: 3 });
    expect(answer.status).toBe(307);
    expect(seen).toEqual(['PUT 7 one two']);
  });

  it('may not be compressed: that is a way around the size limit', async () => {
    await internet.site('a.example', SITE, (request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity');
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1_000_000)));
    });
    await expect(internet.client().fetch('http://a.example/')).rejects.toMatchObject({ code: 'outbound_refused' });
  });

  it.each(['content-length', 'chunked'])('that breaks off is an error: %s', async (framing) => {
    await internet.site('a.example', SITE, (_request, response) => {
      response.writeHead(200, framing === 'chunked' ? {} : { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    await expect(internet.client().fetchBytes('http://a.example/')).rejects.toMatchObject({ code: 'outbound_failed' });
  });
});

describe('time', () => {
  it.each(['headers', 'body', 'lookup', 'connection'])('is limited while waiting for the %s', async (what) => {
    const clock = new VirtualClock();
    let arrive: () => void = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    await internet.site('a.example', SITE, (_request, response) => {
      if (what === 'body') response.writeHead(200).write('some');
      else arrive();
    });
    const never = () => {
      arrive();
      return new Promise<never>(() => {});
    };
    const hold = () => {
      arrive();
      return new Socket();
    };
    const client = internet.client({
      clock,
      ...(what === 'lookup' ? { resolve: never } : {}),
      ...(what === 'connection' ? { dial: () => hold() } : {}),
    });
    const limit = what === 'lookup' || what === 'connection' ? 10_000 : 30_000;
    if (what === 'body') {
      const response = await client.fetch('http://a.example/');
      const read = response.body.toArray();
      read.catch(() => {});
      await clock.advance(limit);
      await expect(read).rejects.toMatchObject({ code: 'outbound_timeout' });
    } else {
      const fetching = client.fetch('http://a.example/');
      fetching.catch(() => {});
      await arrived;
      await clock.advance(limit);
      await expect(fetching).rejects.toMatchObject({ code: 'outbound_timeout' });
    }
  });

  it('leaves no timer behind, and nothing on a signal that lives on', async () => {
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    await internet.site('a.example', SITE, (request, response) => {
      if (request.url === '/down') request.socket.destroy();
      else response.end(request.url === '/empty' ? '' : 'x'.repeat(100_000));
    });
    const client = internet.client({ clock });
    const given = () => [clock.pending, getEventListeners(signal, 'abort').length];
    await client.fetchBytes('http://a.example/', { signal });
    await client.fetchBytes('http://a.example/empty', { signal, method: 'HEAD' });
    expect(given()).toEqual([0, 0]);
    const refused = { '/': { acceptTypes: ['image/png'] }, '/down': {}, '/large': { maxBytes: 10 } };
    for (const [path, more] of Object.entries(refused)) {
      await expect(client.fetchBytes(`http://a.example${path}`, { signal, ...more })).rejects.toBeInstanceOf(Error);
      expect(given(), path).toEqual([0, 0]);
    }
    const { body } = await client.fetch('http://a.example/', { signal });
    expect(given()).toEqual([1, 1]);
    const closed = once(body, 'close');
    body.destroy();
    await closed;
    expect(given()).toEqual([0, 0]);
  });

  it('ends with the reason of the caller', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await internet.site('a.example', SITE, () => controller.abort(reason));
    await expect(internet.client().fetch('http://a.example/', { signal: controller.signal })).rejects.toBe(reason);
    await expect(internet.client().fetch('http://a.example/', { signal: controller.signal })).rejects.toBe(reason);
  });
});

describe('credentials', () => {
  const secrets = { authorization: 'Bearer x', cookie: 'a=1', 'X-Api-Key': 'k', 'webhook-signature': 's' };

  it('stay with the first host', async () => {
    const seen: string[][] = [];
    await internet.site('b.example', OTHER, (request, response) => {
      seen.push(headerNames(request));
      response.end();
    });
    await internet.site('a.example', SITE, (request, response) => {
      seen.push(headerNames(request));
      redirectTo(request.url === '/' ? '/again' : 'http://b.example/')(request, response);
    });
    await internet.client().fetchBytes('http://a.example/', { headers: secrets });
    const own = ['accept', 'accept-encoding', 'connection', 'host', 'user-agent'];
    const all = [...own, 'authorization', 'cookie', 'webhook-signature', 'x-api-key'].sort();
    expect(seen).toEqual([all, all, own]);
  });

  it('are not sent on with a body that is redirected elsewhere', async () => {
    let bodies = 0;
    await internet.site('b.example', OTHER, (_request, response) => {
      bodies += 1;
      response.end();
    });
    await internet.site('a.example', SITE, redirectTo('http://b.example/', 307));
    const request = { method: 'POST', body: 'secret', maxRedirects: 3 } as const;
    await expect(internet.client().fetch('http://a.example/', request)).rejects.toMatchObject({
      code: 'outbound_refused',
    });
    expect(bodies).toBe(0);
  });

  it.each(['Host', 'Transfer-Encoding', 'Content-Length', 'Connection'])('take no header %s', async (name) => {
    await expect(internet.client().fetch('http://a.example/', { headers: { [name]: 'x' } })).rejects.toMatchObject({
      code: 'request_invalid',
    });
  });
});

describe('faults of the network', () => {
  it('are failures that may pass', async () => {
    internet.names.set('gone.example', [[]]);
    const client = internet.client({ allow: ['127.0.0.1'] });
    const closed = await internet.listen((request) => request.socket.destroy());
    for (const url of ['http://unknown.example/', 'http://gone.example/', `http://127.0.0.1:${closed.port}/`])
      await expect(client.fetch(url)).rejects.toMatchObject({ code: 'outbound_failed', retryable: true });
  });

  it('include a server that does not speak HTTP', async () => {
    const { port } = await internet.listen((request) => request.socket.end('nonsense\r\n\r\n'));
    await expect(internet.client({ allow: ['127.0.0.1'] }).fetch(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
      code: 'outbound_failed',
    });
  });
});

describe('encrypted addresses', () => {
  it('are verified, and do not lead to unencrypted ones', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'easel-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    try {
      const subject = ['-subj', '/CN=secure.example', '-addext', 'subjectAltName=DNS:secure.example'];
      const args = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ];
      execFileSync('openssl', [...args, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    } catch {
      rmSync(folder, { recursive: true });
      return context.skip('openssl is not installed, so there is no certificate to test with');
    }
    const ca = readFileSync(cert, 'utf8');
    const server = createServer({ key: readFileSync(key), cert: ca }, (request, response) => {
      if (request.url === '/down') redirectTo('http://secure.example/')(request, response);
      else response.end('encrypted');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    internet.names.set('secure.example', [['127.0.0.1']]);
    internet.names.set('other.example', [['127.0.0.1']]);
    const allow = ['secure.example', 'other.example'];
    try {
      const trusting = internet.client({ allow, ca });
      const { bytes } = await trusting.fetchBytes(`https://secure.example:${port}/`);
      expect(bytes.toString()).toBe('encrypted');
      const codeOf = (promise: Promise<unknown>) => promise.catch((error: { code: string }) => error.code);
      expect(await codeOf(trusting.fetch(`https://secure.example:${port}/down`))).toBe('outbound_refused');
      expect(await codeOf(trusting.fetch(`https://other.example:${port}/`))).toBe('outbound_failed');
      expect(await codeOf(internet.client({ allow }).fetch(`https://secure.example:${port}/`))).toBe('outbound_failed');
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    }
  });
});
