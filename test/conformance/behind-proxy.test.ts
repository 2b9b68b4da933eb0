import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/index.js';
import { type ConfigInput, parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import { createBackend } from '../../src/easel.js';
import { EmbeddedEngine } from '../../src/embedded/index.js';
import { graphs } from './suite/graphs.js';
import { dataOf, SuiteNodes } from './suite/nodes.js';
import { Watcher } from './suite/support.js';

/**
 * A ComfyUI behind a proxy as people put one in front of it: TLS with certificates of their own, a client certificate, a
 * base path, a password or token, a header of their own. Everything goes through it: requests, files, the websocket.
 */
const BASE_PATH = '/gpu/one';

const opensslMissing = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'openssl, which makes the certificates, is not installed';
  }
})();
if (opensslMissing !== null) process.stderr.write(`skipped: a ComfyUI behind a TLS proxy: ${opensslMissing}\n`);

type ProxySettings = Omit<
  Extract<NonNullable<ConfigInput['backends']>[number], { kind: 'comfyui' }>,
  'id' | 'kind' | 'url'
>;

describe.skipIf(opensslMissing !== null)('a ComfyUI behind a TLS proxy', () => {
  let folder = '';
  const file = (name: string) => join(folder, name);
  const pem = (name: string) => readFileSync(file(name), 'utf8');
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'easel-certificates-'));
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test authority');
    writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1,DNS:gpu.example');
    for (const name of ['server', 'client']) {
      openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      openssl(
        ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
        ...['-out', `${name}.pem`, '-days', '2', '-extfile', 'names'],
      );
    }
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function behindProxy(mayPass: (request: IncomingMessage) => boolean) {
    const dataDir = mkdtempSync(join(tmpdir(), 'easel-proxied-'));
    const engine = new EmbeddedEngine({ nodes: new SuiteNodes().classes, dataDir });
    const target = new URL((await engine.start()).url);
    const sockets = new Set<Socket>();
    const proxy = createServer({
      ...{ key: pem('server.key'), cert: pem('server.pem'), ca: pem('ca.pem') },
      ...{ requestCert: true, rejectUnauthorized: true },
    });
    const inner = (path: string) => (path.startsWith(`${BASE_PATH}/`) ? path.slice(BASE_PATH.length) : null);
    proxy.on('request', (request, response) => {
      const path = inner(request.url ?? '');
      if (path === null || !mayPass(request)) {
        request.resume();
        response.writeHead(path === null ? 404 : 401).end();
        return;
      }
      const { host, port } = { host: target.hostname, port: target.port };
      const headers = { ...request.headers, host: target.host };
      const forward = httpRequest({ host, port, path, method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      forward.on('error', () => response.destroy());
      request.pipe(forward);
    });
    proxy.on('upgrade', (request: IncomingMessage, socket: TLSSocket) => {
      const path = inner(request.url ?? '');
      if (path === null || !mayPass(request)) return void socket.destroy();
      const upstream = connect(Number(target.port), target.hostname, () => {
        const lines = Object.entries({ ...request.headers, host: target.host }).map(
          ([name, value]) => `${name}: ${value}`,
        );
        upstream.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
        upstream.pipe(socket).pipe(upstream);
      });
      for (const [one, other] of [
        [upstream, socket],
        [socket, upstream],
      ] as const)
        one.on('error', () => {}).on('close', () => other.destroy());
    });
    proxy.on('secureConnection', (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
      await engine.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    const { port } = proxy.address() as AddressInfo;
    return { url: `https://127.0.0.1:${port}${BASE_PATH}`, dataDir };
  }

  async function open(url: string, settings: ProxySettings, dataDir: string): Promise<Backend> {
    const config = parseConfig({ dataDir, backends: [{ id: 'proxied', kind: 'comfyui', url, ...settings }] });
    const backend = createBackend(config.backends[0]!, config, { clock: systemClock, logger: silentLogger });
    closers.push(() => backend.close());
    return backend;
  }

  const certificates = () => ({ ca: file('ca.pem'), cert: file('client.pem'), key: file('client.key') });

  it.each([
    ['a token', { auth: { type: 'bearer', token: 'let me in' } }, 'Bearer let me in'],
    ['a password', { auth: { type: 'basic', username: 'ann', password: 'p:w' } }, `Basic ${btoa('ann:p:w')}`],
  ] as const)('runs through it with client certificate, base path, header and %s', async (_, auth, expected) => {
    const { url, dataDir } = await behindProxy(
      ({ headers, socket }) =>
        headers.authorization === expected && headers['x-tenant'] === 'blue' && (socket as TLSSocket).authorized,
    );
    const backend = await open(url, { ...auth, headers: { 'X-Tenant': 'blue' }, tls: certificates() }, dataDir);
    const watcher = new Watcher(backend);
    await backend.start();
    await watcher.until('connected');
    expect(backend.displayUrl).toBe(url);
    expect(await backend.health()).toMatchObject({ state: 'ready', version: '0.8.0' });
    const bytes = dataOf(5, 70_000);
    const { inputValue } = await backend.upload({
      filename: 'in.png',
      contentType: 'image/png',
      bytes: bytes.length,
      open: async () => Readable.from([bytes]),
    });
    const attemptId = newId();
    expect(await backend.submit({ attemptId, graph: graphs.loading(inputValue) })).toEqual({ kind: 'accepted' });
    // Heard over the websocket.
    await watcher.until('ended', attemptId);
    const seen = await backend.find(attemptId);
    if (seen.state !== 'finished') throw new Error(`It is ${seen.state}.`);
    const output = seen.result.outputs.find((one) => one.kind !== 'text');
    if (output === undefined) throw new Error('There is no file.');
    expect((await buffer((await backend.openOutput(output)).stream)).equals(bytes)).toBe(true);
  });

  it('says what is wrong: no client certificate, an authority that is not trusted, wrong credentials, wrong path', async () => {
    const { url, dataDir } = await behindProxy(({ headers }) => headers.authorization === 'Bearer right');
    const health = async (settings: ProxySettings, at = url) => {
      const backend = await open(at, settings, dataDir);
      return backend.health();
    };
    const right = { auth: { type: 'bearer', token: 'right' }, tls: certificates() } as const;
    expect(await health(right)).toMatchObject({ state: 'ready' });
    expect(await health({ ...right, tls: { ca: file('ca.pem') } })).toMatchObject({ state: 'unreachable' });
    const { ca: _, ...ownCertificate } = certificates();
    expect(await health({ ...right, tls: ownCertificate })).toMatchObject({
      state: 'unreachable',
      error: { retryable: false, hint: expect.stringContaining('tls.ca') },
    });
    expect(await health({ ...right, tls: { ...ownCertificate, rejectUnauthorized: false } })).toMatchObject({
      state: 'ready',
    });
    expect(await health({ ...right, auth: { type: 'bearer', token: 'wrong' } })).toMatchObject({
      state: 'wrong',
      error: { code: 'backend_unauthorized' },
    });
    expect(await health(right, url.replace(BASE_PATH, '/elsewhere'))).toMatchObject({
      state: 'wrong',
      error: { code: 'backend_not_comfyui' },
    });
    // By another name than the certificate's, unless that name is told.
    const byName = url.replace('127.0.0.1', 'localhost');
    expect(await health(right, byName)).toMatchObject({ state: 'unreachable' });
    expect(await health({ ...right, tls: { ...certificates(), servername: 'gpu.example' } }, byName)).toMatchObject({
      state: 'ready',
    });
  });
});
