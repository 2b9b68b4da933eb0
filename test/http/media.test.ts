import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { MediaLinks } from '../../src/media/links.js';
import { Internet } from '../outbound/internet.js';
import { type Answer, rawSocket, useServers } from './harness.js';

const LOADER = {
  '2': { class_type: 'LoadImage', inputs: { image: 'none.png' }, _meta: { title: 'Photo' } },
  '9': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'test' } },
};
const picture = (width = 40, height = 20) =>
  sharp({ create: { width, height, channels: 3, background: '#3366cc' } })
    .png()
    .toBuffer();
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const server = useServers();
const internet = new Internet();
const post = { method: 'POST', url: '/v1/media' } as const;

describe('POST /v1/media', () => {
  test('stores a file for a later submit', async () => {
    const { app, backend } = await server();
    const bytes = await picture();
    const stored = await app.inject({ ...post, payload: bytes, headers: { 'content-type': 'image/jpeg' } });
    expect(stored.statusCode).toBe(201);
    const hash = sha256(bytes);
    expect(stored.json()).toMatchObject({ hash, bytes: bytes.length, content_type: 'image/png', source: 'upload' });
    let value: unknown;
    backend.autoFinish = ({ graph }) => {
      value = graph['2']?.inputs['image'];
      return [];
    };
    for (const name of ['2.image', 'Photo.image']) {
      const payload = { graph: LOADER, inputs: { [name]: { media_id: stored.json().media_id } } };
      const headers = { prefer: 'wait=20' };
      const answer = await app.inject({ method: 'POST', url: '/v1/generations', payload, headers });
      expect(answer.json()).toMatchObject({ status: 'succeeded' });
      expect(value).toBe(`easel/${hash}.png`);
      expect(backend.uploads.get(`${hash}.png`)).toEqual(bytes);
    }
  });

  test.each([
    ['without a type', {}],
    ['as curl sends data', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['as a broken type', { 'content-type': 'what/ever; ;' }],
  ])('takes raw bytes %s', async (_name, headers) => {
    const { app } = await server();
    const answer = await app.inject({
      ...post,
      url: '/v1/media?filename=..%2Fa.png',
      payload: await picture(),
      headers,
    });
    expect(answer.json()).toMatchObject({ content_type: 'image/png', filename: 'a.png' });
    expect(answer.statusCode).toBe(201);
  });

  test('takes a form with one file', async () => {
    const { app } = await server();
    const bytes = await picture();
    const form = async (fields: readonly [string, string | Blob, string?][]) => {
      const data = new FormData();
      for (const [name, value, filename] of fields)
        if (typeof value === 'string') data.append(name, value);
        else data.append(name, value, filename);
      const request = new Request('http://x/', { method: 'POST', body: data });
      const headers = { 'content-type': request.headers.get('content-type') ?? '' };
      return app.inject({ ...post, payload: Buffer.from(await request.arrayBuffer()), headers });
    };
    const file = new Blob([new Uint8Array(bytes)], { type: 'text/html' });
    const one = await form([
      ['note', 'hello'],
      ['file', file, '../../etc/pass\u202ewd.png'],
    ]);
    expect([one.statusCode, one.json()]).toMatchObject([
      201,
      { hash: sha256(bytes), filename: 'passwd.png', content_type: 'image/png' },
    ]);
    const two = await form([
      ['a', file, 'a.png'],
      ['b', file, 'b.png'],
    ]);
    expect(two.json()).toMatchObject({ status: 400, code: 'request_invalid' });
    const none = await form([['a', 'text']]);
    expect(none.json()).toMatchObject({ status: 400, hint: expect.stringContaining('curl') });
    const broken = await app.inject({
      ...post,
      payload: 'x',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    expect(broken.json()).toMatchObject({ status: 400, code: 'request_invalid' });
    const list = await app.inject('/v1/media');
    expect(list.json()).toMatchObject({
      files: [{ filename: 'passwd.png' }],
      usage: { files: 1, bytes: bytes.length },
    });
  });

  test('takes a data URL', async () => {
    const { app } = await server();
    const bytes = await picture();
    const send = (data_url: string) => app.inject({ ...post, payload: { data_url } });
    const good = await send(`data:image/webp;base64,${bytes.toString('base64')}`);
    expect([good.statusCode, good.json()]).toMatchObject([201, { hash: sha256(bytes), content_type: 'image/png' }]);
    for (const url of ['data:image/png;base64,####', 'data:image/png,%E0%A4%A', 'data:nonsense', 'http://x/'])
      expect((await send(url)).json()).toMatchObject({ status: 422, code: 'media_invalid' });
  });

  test('fetches an address through the guard', async () => {
    const bytes = await picture();
    const outbound = internet.client();
    const { app } = await server({ media: { outbound } });
    await internet.site('pictures.example', '93.184.216.34', (request, response) => {
      if (request.url?.startsWith('/page')) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      else if (request.url === '/lie.png') response.writeHead(200, { 'content-type': 'image/png' }).end('<html>');
      else if (request.url === '/gone.png') response.writeHead(404, { 'content-type': 'image/png' }).end();
      else response.writeHead(200, { 'content-type': 'image/png' }).end(bytes);
    });
    const send = async (url: string) => (await app.inject({ ...post, payload: { url } })).json();
    expect(await send('http://pictures.example/a%20b.png?token=x')).toMatchObject({
      hash: sha256(bytes),
      filename: 'a b.png',
      source: 'url',
    });
    expect(await send('http://pictures.example/page')).toMatchObject({ status: 422, code: 'outbound_refused' });
    expect(await send('http://pictures.example/lie.png')).toMatchObject({ status: 422, code: 'media_invalid' });
    expect(await send('http://pictures.example/gone.png')).toMatchObject({ status: 422, code: 'outbound_refused' });
    expect(await send('http://127.0.0.1/x.png')).toMatchObject({ status: 422, code: 'outbound_forbidden' });
    expect(await send('file:///etc/passwd')).toMatchObject({ status: 422, code: 'outbound_forbidden' });
  });

  test('refuses emptiness, unknown parameters and bodies', async () => {
    const { app } = await server();
    expect((await app.inject(post)).json()).toMatchObject({ status: 422, code: 'media_invalid' });
    const parameter = await app.inject({ ...post, url: '/v1/media?name=x', payload: await picture() });
    expect(parameter.statusCode).toBe(400);
    for (const payload of [{}, { url: 'http://a/', data_url: 'data:,' }, { path: '/etc/passwd' }, []])
      expect((await app.inject({ ...post, payload })).json()).toMatchObject({ status: 400, code: 'request_invalid' });
  });

  test.each(['told beforehand', 'not told'])('refuses what is too large, its length %s', async (how) => {
    const { listen } = await server({ maxUploadBytes: 100_000 });
    const { url } = await listen();
    const bytes = randomBytes(5_000_000);
    const body = how === 'not told' ? new Blob([bytes]).stream() : bytes;
    const request = { method: 'POST', body, duplex: 'half' } as RequestInit;
    const answer = await fetch(`${url}/v1/media`, request);
    expect(answer.status).toBe(413);
    const problem = (await answer.json()) as Answer;
    expect(problem).toMatchObject({ code: 'payload_too_large', details: { max_bytes: 100_000 } });
    const next = await fetch(`${url}/health/live`);
    expect(next.status).toBe(200);
    await next.body?.cancel();
  });

  test('an upload that breaks off leaves nothing behind', async () => {
    const { listen, mediaRoot, db } = await server();
    const { port } = await listen();
    const staged = () => readdir(join(mediaRoot, 'tmp')).catch(() => []);
    const socket = await rawSocket(port);
    socket.write('POST /v1/media HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nhalf of it');
    while ((await staged()).length === 0) await nextTurn();
    socket.destroy();
    while ((await staged()).length > 0) await nextTurn();
    expect(await db.kysely.selectFrom('media').selectAll().execute()).toEqual([]);
  });
});

describe('files', () => {
  test('are shown with what is in them and where they come from', async () => {
    const { app, succeed } = await server();
    const bytes = await picture();
    const id = await succeed({ 'a.png': bytes });
    const list = (await app.inject('/v1/media?source=generation')).json();
    expect(list).toMatchObject({
      files: [{ filename: 'a.png', source: 'generation', pinned: false }],
      next_before: null,
    });
    const { url, media_id: mediaId } = list.files[0];
    const info = (await app.inject(url)).json();
    expect(info).toMatchObject({ media_id: mediaId, width: 40, height: 20, frames: 1, blurhash: expect.any(String) });
    expect(info.provenance).toMatchObject({ generation_id: id, ordinal: 0, backend_id: 'fake' });
    expect(info.provenance.graph).toEqual(expect.objectContaining({}));
  });

  test('come in pages', async () => {
    const { app } = await server();
    for (let side = 1; side <= 5; side += 1) await app.inject({ ...post, payload: await picture(side, side) });
    const seen: number[] = [];
    for (let url = '/v1/media?limit=2'; url !== ''; ) {
      const { files, next_before: before } = (await app.inject(url)).json();
      seen.push(...files.map((file: Answer) => file.bytes));
      url = before === null ? '' : `/v1/media?limit=2&before=${before}`;
    }
    expect(seen).toHaveLength(5);
  });

  test('are delivered whole, in part and not at all when they are known', async () => {
    const { app } = await server();
    const bytes = await picture();
    const { content_url: url } = (
      await app.inject({ ...post, url: '/v1/media?filename=a.png', payload: bytes })
    ).json();
    const whole = await app.inject(url);
    expect(whole.rawPayload.equals(bytes)).toBe(true);
    expect(whole.headers).toMatchObject({
      'content-type': 'image/png',
      'content-disposition': 'inline; filename="a.png"',
      'x-content-type-options': 'nosniff',
      etag: `"${sha256(bytes)}"`,
    });
    const part = await app.inject({ url, headers: { range: 'bytes=2-4' } });
    expect([part.statusCode, part.rawPayload.equals(bytes.subarray(2, 5))]).toEqual([206, true]);
    const known = await app.inject({ url, headers: { 'if-none-match': `"${sha256(bytes)}"` } });
    expect([known.statusCode, known.payload]).toEqual([304, '']);
    const head = await app.inject({ url: `${url}?download=1`, method: 'HEAD' });
    expect(head.headers).toMatchObject({
      'content-length': String(bytes.length),
      'content-disposition': /^attachment/,
    });
  });

  test('are derived by the query', async () => {
    const { app } = await server();
    const { content_url: url } = (await app.inject({ ...post, payload: await picture(400, 200) })).json();
    const thumbnail = await app.inject(`${url}?preset=thumbnail`);
    expect(thumbnail.headers['content-type']).toBe('image/webp');
    expect(await sharp(thumbnail.rawPayload).metadata()).toMatchObject({ width: 256, height: 128, format: 'webp' });
    const part = await app.inject({ url: `${url}?width=100&format=jpeg&quality=60`, headers: { range: 'bytes=0-1' } });
    expect([part.statusCode, part.rawPayload.toString('hex')]).toEqual([206, 'ffd8']);
    for (const query of ['width=0', 'width=99999', 'format=svg', 'watermark=true', 'fit=x'])
      expect((await app.inject(`${url}?${query}`)).statusCode).toBe(400);
  });

  test('are pinned, and removed with everything that was derived', async () => {
    const { app, media } = await server();
    const { url, content_url: content } = (await app.inject({ ...post, payload: await picture() })).json();
    const pinned = await app.inject({ method: 'PATCH', url, payload: { pinned: true } });
    expect(pinned.json()).toMatchObject({ pinned: true });
    await app.inject(`${content}?preset=thumbnail`);
    expect((await app.inject({ method: 'DELETE', url })).statusCode).toBe(204);
    for (const method of ['GET', 'DELETE'] as const)
      expect((await app.inject({ method, url })).json()).toMatchObject({ status: 404, code: 'not_found' });
    expect(await media.store.list()[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
  });

  test('that are outputs and were removed are told as such', async () => {
    const { app, succeed } = await server();
    const id = await succeed({ 'a.png': await picture() });
    const [{ url }] = (await app.inject('/v1/media')).json().files;
    await app.inject({ method: 'DELETE', url });
    const output = await app.inject(`/v1/generations/${id}/outputs/0`);
    expect(output.json()).toMatchObject({ status: 404, detail: expect.stringContaining('was removed') });
    expect((await app.inject(`/v1/generations/${id}`)).json().outputs[0]).toMatchObject({ hash: null });
  });
});

describe('signed addresses', () => {
  test('let anybody read one file for a while', async () => {
    let now = Date.now();
    const clock = { ...systemClock, now: () => now };
    const { app } = await server({ media: { clock } });
    const bytes = await picture();
    const { url } = (await app.inject({ ...post, payload: bytes })).json();
    const other = (await app.inject({ ...post, payload: bytes })).json();
    const link = (await app.inject({ method: 'POST', url: `${url}/link`, payload: { expires_in_s: 60 } })).json();
    const address = new URL(link.url);
    const read = async (change: (address: URL) => void = () => {}) => {
      const changed = new URL(address);
      change(changed);
      const answer = await app.inject(changed.pathname + changed.search);
      return answer.statusCode === 200 ? 'read' : answer.json().code;
    };
    expect(await read()).toBe('read');
    expect(await read((a) => a.searchParams.set('download', '1'))).toBe('read');
    expect(await read((a) => a.searchParams.set('expires', '9999999999'))).toBe('media_link_invalid');
    expect(await read((a) => a.searchParams.set('account', 'other'))).toBe('media_link_invalid');
    expect(await read((a) => a.searchParams.set('signature', 'x'))).toBe('media_link_invalid');
    expect(await read((a) => a.searchParams.delete('signature'))).toBe('request_invalid');
    expect(
      await read((a) => {
        a.pathname = `/v1/signed/media/${other.media_id}`;
      }),
    ).toBe('media_link_invalid');
    now += 62_000;
    expect(await read()).toBe('media_link_invalid');
  });

  test('outlive a restart, and end with the file', async () => {
    const { app, media, db } = await server();
    const { url, media_id: id } = (await app.inject({ ...post, payload: await picture() })).json();
    const { query } = await media.link(id, 'local');
    // Another process, which has only the database in common.
    const elsewhere = new MediaLinks({ db, clock: systemClock });
    const asked = new URLSearchParams(query);
    const parts = (name: string) => asked.get(name) ?? '';
    const given = { account: parts('account'), expires: parts('expires'), signature: parts('signature') };
    expect(await elsewhere.verify(id, given)).toMatchObject({ mediaId: id, accountId: 'local' });
    expect((await app.inject(`/v1/signed/media/${id}?${query}`)).statusCode).toBe(200);
    await app.inject({ method: 'DELETE', url });
    expect((await app.inject(`/v1/signed/media/${id}?${query}`)).statusCode).toBe(404);
  });
});

describe('the watermark', () => {
  test('is on what is delivered and not on what is stored, as long as the plan says so', async () => {
    let watermark = true;
    const { app, succeed } = await server({ easel: { perksOf: async () => ({ watermark }) } });
    const bytes = await picture(300, 200);
    const id = await succeed({ 'a.png': bytes, 'b.txt': Buffer.from('text') });
    const output = `/v1/generations/${id}/outputs/0`;
    const [file] = (await app.inject('/v1/media')).json().files.filter((one: Answer) => one.filename === 'a.png');
    const query = new URL((await app.inject({ method: 'POST', url: `${file.url}/link` })).json().url).search;
    const signed = `/v1/signed/media/${file.media_id}${query}`;
    for (const url of [output, file.content_url, `${file.content_url}?width=150`, signed]) {
      const answer = await app.inject(url);
      const { channels } = await sharp(answer.rawPayload).stats();
      expect(
        channels.some((channel) => channel.max - channel.min > 20),
        url,
      ).toBe(true);
      expect(answer.headers['cache-control']).toBe('private, no-cache');
      const part = await app.inject({ url, headers: { range: 'bytes=0-3' } });
      expect(part.rawPayload.toString('latin1', 1)).toBe('PNG');
    }
    watermark = false;
    expect((await app.inject(output)).rawPayload.equals(bytes)).toBe(true);
  });
});
