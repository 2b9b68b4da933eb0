import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bombs } from '../media/bombs.js';
import { picture } from '../media/harness.js';
import type { Answer } from './harness.js';
import { type WholeServer, wholeServer } from './whole.js';

const QUOTA_BYTES = 60_000;
const HOUR_MS = 60 * 60_000;

/** The other way in for files: within the request that reads them. It must be no way around what `POST /v1/media` checks. */
describe('files inline with a request', () => {
  let server: WholeServer;
  let keys: { readonly authorization: string };
  const bad = new Map<string, Buffer>();

  beforeAll(async () => {
    server = await wholeServer({ config: { media: { quotaBytes: QUOTA_BYTES } } });
    server.backend.autoFinish = () => [];
    keys = await server.keyOf('ann');
    const graph = {
      '1': { class_type: 'LoadImage', inputs: { image: 'mine.png' } },
      '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
    };
    const added = await call('/v1/workflows', { name: 'cat', graph });
    expect(added.statusCode, added.body).toBe(201);
    for (const { name, bytes } of await bombs()) bad.set(name, bytes);
    const whole = await picture('png', 300, 200);
    bad.set('half a PNG', whole.subarray(0, Math.floor(whole.length / 2)));
    const noise = { raw: { width: 200, height: 200, channels: 3 } } as const;
    bad.set(
      'more than the quota',
      await sharp(randomBytes(200 * 200 * 3), noise)
        .png()
        .toBuffer(),
    );
  });
  afterAll(() => server.close());

  const call = (url: string, payload: object | Buffer) =>
    server.app.inject({ method: 'POST', url, payload, headers: keys });
  const generate = (bytes: Buffer): Promise<Answer> =>
    call('/v1/workflows/cat/generations', {
      inputs: { image: `data:image/png;base64,${bytes.toString('base64')}` },
    });

  async function expectNothingStored(): Promise<void> {
    const { db, media, config } = server.easel;
    expect(await db.kysely.selectFrom('media').select('id').execute()).toEqual([]);
    for await (const { hash } of media.store.list()) expect.fail(`${hash} was left in the store`);
    expect(await readdir(join(config.dataDir, 'media', 'tmp')).catch(() => [])).toEqual([]);
  }

  test.each([
    ['a PNG of 400 megapixels', 'media_too_complex'],
    ['half a PNG', 'media_invalid'],
    ['a drawing with a script', 'media_invalid'],
    ['a PNG with a page behind it', 'media_invalid'],
    ['a page that says it is a JPEG', 'media_invalid'],
    ['more than the quota', 'media_quota_exceeded'],
  ])('%s is refused as an upload is, and nothing stays', async (name, code) => {
    const bytes = bad.get(name)!;
    const upload = await call('/v1/media', bytes);
    expect(upload.json()).toMatchObject({ code });
    const answer = await generate(bytes);
    expect(answer.json()).toMatchObject({
      code,
      status: upload.statusCode,
      errors: [{ input: 'image', pointer: '#/inputs/image', detail: upload.json().detail }],
    });
    await expectNothingStored();
  });

  test('counts towards the quota, is listed once a generation reads it, and goes if none does', async () => {
    const { easel } = server;
    const bytes = await picture('png', 60, 40);
    const waiting = await easel.generations.attach('ann', bytes, { maxBytes: QUOTA_BYTES });
    expect(await easel.media.usage('ann')).toMatchObject({ files: 1, bytes: bytes.length });
    expect(await easel.media.list({ accountId: 'ann', limit: 10 })).toEqual([]);
    const sent = await generate(bytes);
    expect(sent.statusCode, sent.body).toBe(202);
    expect(await easel.media.list({ accountId: 'ann', limit: 10 })).toMatchObject([{ id: sent.json().inputs.image }]);
    expect((await easel.media.info(sent.json().inputs.image, 'ann')).facts).toMatchObject({ width: 60, height: 40 });
    const { db } = easel;
    await db.transaction((tx) =>
      tx
        .updateTable('media')
        .set((eb) => ({ created_at: eb('created_at', '-', 2 * HOUR_MS) }))
        .execute(),
    );
    expect(await easel.media.sweep()).toMatchObject({ pending: 1 });
    const left = await db.kysely.selectFrom('media').select('id').execute();
    expect(left).toEqual([{ id: sent.json().inputs.image }]);
    expect(left).not.toContainEqual({ id: waiting.mediaId });
  });
});
