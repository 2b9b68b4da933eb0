import { randomBytes } from 'node:crypto';
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { S3MediaStore } from '../../src/media/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { cephAvailability, type S3Place, type S3Server, startCeph } from '../helpers/ceph.js';
import { mediaStoreSuite } from './media-store.js';

const ceph = cephAvailability();
if (!ceph.available) process.stderr.write(`skipped: S3MediaStore on a real server: ${ceph.reason}\n`);

describe.skipIf(!ceph.available)(`S3MediaStore${ceph.available ? '' : `: ${ceph.reason}`}`, () => {
  let server: S3Server;
  let place: S3Place;
  let probe: S3Client;
  const stores: S3MediaStore[] = [];

  beforeAll(async () => {
    server = await startCeph();
    const { endpoint, accessKeyId, secretAccessKey } = server;
    const credentials = { accessKeyId, secretAccessKey };
    probe = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  });
  afterEach(async () => {
    server.resume();
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  afterAll(async () => {
    probe?.destroy();
    await server?.remove();
  });

  const open = async (clock = systemClock, changes: Partial<S3Place> = {}) => {
    place = await server.bucket();
    const store = new S3MediaStore({ ...place, prefix: 'pictures/', clock, ...changes });
    stores.push(store);
    return store;
  };
  const leftovers = async () => {
    const Bucket = place.bucket;
    const objects = await probe.send(new ListObjectsV2Command({ Bucket, Prefix: 'pictures/tmp/' }));
    const uploads = await probe.send(new ListMultipartUploadsCommand({ Bucket }));
    return (objects.Contents?.length ?? 0) + (uploads.Uploads?.length ?? 0);
  };
  mediaStoreSuite({ open, leftovers });

  it('sweeps multipart uploads that were begun and never ended, and none that goes on', async () => {
    let now = Date.now();
    const store = await open({ ...systemClock, now: () => now });
    const Bucket = place.bucket;
    const Key = 'pictures/tmp/host%3A9%3Adead@x';
    const { UploadId } = await probe.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const Body = randomBytes(5 * 1024 * 1024);
    await probe.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body }));
    expect(await leftovers()).toBe(1);
    expect(await store.sweepStaged({ idleForMs: 60_000 })).toBe(0);
    const owners: string[] = [];
    expect(await store.sweepStaged({ isAbandoned: (file) => owners.push(file.owner) < 0 })).toBe(0);
    expect(owners).toEqual(['host:9:dead']);
    now += 120_000;
    expect(await store.sweepStaged({ idleForMs: 60_000 })).toBe(1);
    expect(await leftovers()).toBe(0);
  });

  it('lists beyond one page', async () => {
    const store = await open();
    const contents = Array.from({ length: 1_010 }, (_, index) => Buffer.from(String(index)));
    const waiting = [...contents];
    const worker = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
        await store.commit(await store.stage(next, { owner: 'many' }));
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    const seen = new Set<string>();
    for await (const object of store.list()) seen.add(object.hash);
    expect(seen.size).toBe(contents.length);
  }, 120_000);

  it('gives an address at which anybody may read one object, with the headers that were asked for', async () => {
    const store = await open();
    const staged = await store.stage(Buffer.from('0123456789'), { owner: 'x' });
    await store.commit(staged);
    const url = await store.presign(staged.hash, {
      expiresInMs: 60_000,
      contentType: 'image/png',
      contentDisposition: 'inline; filename="a.png"',
    });
    const answer = await fetch(url, { headers: { range: 'bytes=2-4' } });
    expect([answer.status, await answer.text()]).toEqual([206, '234']);
    expect(answer.headers.get('content-type')).toBe('image/png');
    expect(answer.headers.get('content-disposition')).toBe('inline; filename="a.png"');
    const other = await fetch(url.replace(staged.hash, 'f'.repeat(64)));
    expect([other.status, (await other.text()).length > 0]).toEqual([403, true]);
  });

  it.each([
    ['a wrong secret', { secretAccessKey: 'wrong' }, /secretAccessKey/],
    ['an unknown key', { accessKeyId: 'nobody' }, /accessKeyId/],
    ['no such bucket', { bucket: 'no-such-bucket' }, /media\.s3\.bucket/],
    ['nobody at the address', { endpoint: 'http://127.0.0.1:9' }, /S3 server runs/],
  ])('says what is wrong: %s', async (_what, changes, hint) => {
    const store = await open(systemClock, changes);
    for (const work of [() => store.stage(Buffer.from('x'), { owner: 'x' }), () => store.open('a'.repeat(64))])
      await expect(work()).rejects.toMatchObject({ code: 'storage_failed', hint: expect.stringMatching(hint) });
  });

  it('does not wait for ever for a server that hangs', async () => {
    const clock = new VirtualClock();
    const store = await open(clock);
    await store.stat('a'.repeat(64));
    server.pause();
    const asking = store.stat('a'.repeat(64));
    asking.catch(() => {});
    await clock.whenPending(1);
    await clock.advance(20_000);
    await expect(asking).rejects.toMatchObject({ code: 'storage_failed', retryable: true });
  });
});
