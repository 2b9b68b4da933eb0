import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { rawSocket, useServers } from './harness.js';

const BYTES = Buffer.from('0123456789');
const ETAG = `"${createHash('sha256').update(BYTES).digest('hex')}"`;

describe('GET /v1/generations/{id}/outputs/{ordinal}', () => {
  const server = useServers();

  test('sends the file with all that a browser and a cache need', async () => {
    const { app, succeed } = await server();
    const id = await succeed({ 'a.png': BYTES });
    const answer = await app.inject(`/v1/generations/${id}/outputs/0`);
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload).toEqual(BYTES);
    expect(answer.headers).toMatchObject({
      etag: ETAG,
      'content-length': '10',
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, max-age=31536000, immutable',
      'content-security-policy': expect.stringContaining('sandbox'),
    });
  });

  test('shows pictures, and offers everything else as a download', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
    const { app, succeed } = await server();
    const id = await succeed({ 'a.png': png, 'b.svg': svg });
    const url = `/v1/generations/${id}/outputs`;
    const picture = await app.inject(`${url}/0`);
    expect(picture.headers['content-type']).toBe('image/png');
    expect(picture.headers['content-disposition']).toBe('inline; filename="a.png"');
    const wanted = await app.inject(`${url}/0?download=1`);
    expect(wanted.headers['content-disposition']).toBe('attachment; filename="a.png"');
    const script = await app.inject(`${url}/1`);
    expect(script.headers['content-type']).toBe('application/octet-stream');
    expect(script.headers['content-disposition']).toBe('attachment; filename="b.svg"');
  });

  test.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=0-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=1-2,4-5', 200, '0123456789', undefined],
    ['bytes=nonsense', 200, '0123456789', undefined],
  ])('Range: %s', async (range, status, body, contentRange) => {
    const { app, succeed } = await server();
    const id = await succeed({ 'a.png': BYTES });
    const answer = await app.inject({ url: `/v1/generations/${id}/outputs/0`, headers: { range } });
    expect(answer.statusCode).toBe(status);
    expect(answer.body).toBe(body);
    expect(answer.headers['content-range']).toBe(contentRange);
    expect(answer.headers['content-length']).toBe(String(body.length));
    expect(answer.headers['etag']).toBe(ETAG);
  });

  test('refuses a range beyond the file, and says how long it is', async () => {
    const { app, succeed } = await server();
    const id = await succeed({ 'a.png': BYTES });
    const answer = await app.inject({ url: `/v1/generations/${id}/outputs/0`, headers: { range: 'bytes=10-' } });
    expect(answer.headers).toMatchObject({ 'content-range': 'bytes */10', 'cache-control': 'no-store' });
    expect(answer.headers).not.toHaveProperty('content-disposition');
    expect(answer.json()).toMatchObject({ status: 416, code: 'range_unsatisfiable', details: { total_bytes: 10 } });
  });

  test('sends nothing to who has it, and the whole to who has a part of something else', async () => {
    const { app, succeed } = await server();
    const id = await succeed({ 'a.png': BYTES });
    const get = (headers: Record<string, string>) => app.inject({ url: `/v1/generations/${id}/outputs/0`, headers });
    const known = await get({ 'if-none-match': `"other", ${ETAG}` });
    expect([known.statusCode, known.body]).toEqual([304, '']);
    expect(known.headers['etag']).toBe(ETAG);
    expect((await get({ 'if-none-match': '"other"' })).statusCode).toBe(200);
    expect((await get({ range: 'bytes=0-1', 'if-range': ETAG })).statusCode).toBe(206);
    expect((await get({ range: 'bytes=0-1', 'if-range': '"other"' })).body).toBe('0123456789');
  });

  test('HEAD tells the same without the file', async () => {
    const { app, succeed } = await server();
    const id = await succeed({ 'a.png': BYTES, 'empty.bin': Buffer.alloc(0) });
    const answer = await app.inject({ method: 'HEAD', url: `/v1/generations/${id}/outputs/0` });
    expect([answer.statusCode, answer.body, answer.headers['content-length']]).toEqual([200, '', '10']);
    const empty = await app.inject(`/v1/generations/${id}/outputs/1`);
    expect([empty.statusCode, empty.body, empty.headers['content-length']]).toEqual([200, '', '0']);
  });

  test('serves texts as text', async () => {
    const { app, backend, submit, generations } = await server();
    const text = '<script>alert("é")</script>';
    backend.autoFinish = () => [{ kind: 'text', nodeId: '9', key: 'text', text }];
    const id = await submit();
    const generation = await generations.wait(id, 'local');
    expect(generation.outputs[0]).toMatchObject({ kind: 'text', text });
    const answer = await app.inject(`/v1/generations/${id}/outputs/0`);
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.body).toBe(text);
    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(text)));
    const part = await app.inject({ url: `/v1/generations/${id}/outputs/0`, headers: { range: 'bytes=1-6' } });
    expect(part.body).toBe('script');
    const again = await app.inject({
      url: `/v1/generations/${id}/outputs/0`,
      headers: { 'if-none-match': String(answer.headers['etag']) },
    });
    expect(again.statusCode).toBe(304);
  });

  test.each([
    ['x"\r\nSet-Cookie: a=b.png', 'inline; filename="x_Set-Cookie_ a=b.png"'],
    ['../../../etc/passwd', 'inline; filename="passwd"'],
    ['Bild ü.png', `inline; filename="Bild _.png"; filename*=UTF-8''Bild%20%C3%BC.png`],
  ])('makes a harmless name of %j', async (name, expected) => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
    const { app, succeed } = await server();
    const id = await succeed({ [name]: png });
    const answer = await app.inject(`/v1/generations/${id}/outputs/0`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-disposition']).toBe(expected);
    expect(answer.headers).not.toHaveProperty('set-cookie');
  });

  test('has none before the end, and no others', async () => {
    const { app, submit, succeed } = await server();
    const done = await succeed({ 'a.png': BYTES });
    const open = await submit();
    for (const path of [`${open}/outputs/0`, `${done}/outputs/1`, `${done}/outputs/-1`, `${done}/outputs/0x0`]) {
      expect((await app.inject(`/v1/generations/${path}`)).json()).toMatchObject({ status: 404, code: 'not_found' });
    }
    const query = await app.inject(`/v1/generations/${done}/outputs/0?dowload=1`);
    expect(query.json()).toMatchObject({ status: 400, detail: expect.stringContaining('"download"') });
  });

  test('a download that breaks off leaves no file open', async () => {
    const { succeed, listen } = await server();
    const id = await succeed({ 'big.bin': randomBytes(8 * 1024 * 1024) });
    const { port } = await listen();
    const openFiles = () => {
      if (process.platform !== 'linux') return 0;
      const paths = readdirSync('/proc/self/fd').map((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`);
        } catch {
          return '';
        }
      });
      return paths.filter((path) => path.includes('/objects/')).length;
    };
    const socket = await rawSocket(port);
    socket.write(`GET /v1/generations/${id}/outputs/0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    for (let turn = 0; turn < 2_000 && openFiles() > 0; turn += 1) await nextTurn();
    expect(openFiles()).toBe(0);
  });
});
