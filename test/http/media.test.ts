import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Answer, rawSocket, useServers } from './harness.js';

const LOADER = {
  '2': { class_type: 'LoadImage', inputs: { image: 'none.png' }, _meta: { title: 'Photo' } },
  '9': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'test' } },
};
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');

describe('POST /v1/media', () => {
  const server = useServers();
  const post = { method: 'POST', url: '/v1/media' } as const;

  test('stores a file for a later submit', async () => {
    const { app, backend } = await server();
    const stored = await app.inject({ ...post, payload: PNG, headers: { 'content-type': 'image/jpeg' } });
    expect(stored.statusCode).toBe(201);
    const hash = createHash('sha256').update(PNG).digest('hex');
    expect(stored.json()).toMatchObject({ hash, bytes: PNG.length, content_type: 'image/png' });
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
      expect(backend.uploads.get(`${hash}.png`)).toEqual(PNG);
    }
  });

  test.each([
    ['without a type', {}],
    ['as curl sends data', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['as JSON', { 'content-type': 'application/json' }],
    ['as a broken type', { 'content-type': 'what/ever; ;' }],
  ])('takes raw bytes %s', async (_name, headers) => {
    const { app } = await server();
    const answer = await app.inject({ ...post, payload: PNG, headers });
    expect([answer.statusCode, answer.json().content_type]).toEqual([201, 'image/png']);
  });

  test('refuses forms, emptiness and parameters', async () => {
    const { app } = await server();
    const form = await app.inject({
      ...post,
      payload: 'x',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    expect(form.json()).toMatchObject({
      status: 415,
      code: 'media_type_unsupported',
      hint: expect.stringContaining('curl'),
    });
    const empty = await app.inject(post);
    expect(empty.json()).toMatchObject({ status: 400, code: 'request_invalid' });
    const parameter = await app.inject({ ...post, url: '/v1/media?name=x', payload: PNG });
    expect(parameter.statusCode).toBe(400);
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
