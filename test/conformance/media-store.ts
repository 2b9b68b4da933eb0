import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { EaselError } from '../../src/core/errors.js';
import type { MediaStore, StagedMedia } from '../../src/media/index.js';
import { Latch } from '../../src/testing/index.js';

export interface StoreKit {
  /** A store over an empty place. `clock` only answers `now`; what else the store does with time is its own. */
  open(clock?: typeof systemClock): Promise<MediaStore>;
  /** What lies in the place of the newest store besides objects: staged files, parts of unfinished uploads. */
  leftovers(): Promise<number>;
}

const owner = 'host:1:a@b/c%';
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What every media store must do, as `src/media/store.ts` says it. Call it inside a `describe`. */
export function mediaStoreSuite(kit: StoreKit): void {
  const read = async (store: MediaStore, hash: string, range?: { start: number; end?: number }) => {
    const { stream, bytes, totalBytes } = await store.open(hash, range === undefined ? {} : { range });
    const content = await buffer(stream);
    expect(content.length).toBe(bytes);
    return { content, totalBytes };
  };
  const put = async (store: MediaStore, bytes: Uint8Array): Promise<StagedMedia> => {
    const staged = await store.stage(bytes, { owner });
    await store.commit(staged);
    return staged;
  };
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'none',
      (error: unknown) => (error instanceof EaselError ? error.code : `not an EaselError: ${error}`),
    );
  const list = async (store: MediaStore) => {
    const found = [];
    for await (const object of store.list()) found.push(object);
    return found.sort((a, b) => a.hash.localeCompare(b.hash));
  };

  it.each([
    ['nothing', 0],
    ['one byte', 1],
    ['a part', 8 * 1024 * 1024],
    ['several parts', 20 * 1024 * 1024 + 7],
  ])('gives back what it was given: %s', async (_name, length) => {
    const store = await kit.open();
    const bytes = randomBytes(length);
    for (const source of [bytes, Readable.from(cut(bytes), { objectMode: false })]) {
      const staged = await store.stage(source, { owner });
      expect(staged).toMatchObject({ hash: sha256(bytes), bytes: length, owner, contentType: expect.any(String) });
      expect(await kit.leftovers()).toBe(1);
      await store.commit(staged);
      const { content, totalBytes } = await read(store, staged.hash);
      expect([content.equals(bytes), totalBytes, await kit.leftovers()]).toEqual([true, length, 0]);
    }
    expect(await list(store)).toMatchObject([{ hash: sha256(bytes), bytes: length }]);
  });

  it('shows an object only once it is committed, and then with its time', async () => {
    const store = await kit.open();
    const before = Date.now();
    const staged = await store.stage(Buffer.from('x'), { owner });
    expect([await store.stat(staged.hash), await list(store)]).toEqual([null, []]);
    expect(await codeOf(store.open(staged.hash))).toBe('not_found');
    await store.commit(staged);
    const info = await store.stat(staged.hash);
    expect(info).toMatchObject({ hash: staged.hash, bytes: 1 });
    // Services give whole seconds.
    expect(info?.committedAt).toBeGreaterThan(before - 2_000);
    expect(info?.committedAt).toBeLessThan(Date.now() + 2_000);
  });

  it('takes equal content from many at once as one object', async () => {
    const store = await kit.open();
    const bytes = randomBytes(100_000);
    const staged = await Promise.all(Array.from({ length: 6 }, () => store.stage(bytes, { owner })));
    await Promise.all(staged.map((file) => store.commit(file)));
    expect([(await list(store)).length, await kit.leftovers()]).toEqual([1, 0]);
  });

  it('commits and discards again without harm', async () => {
    const store = await kit.open();
    const staged = await put(store, Buffer.from('again'));
    await store.commit(staged);
    await store.discard(staged);
    await store.discard(staged);
    expect((await read(store, staged.hash)).content.toString()).toBe('again');
    const other = await store.stage(Buffer.from('other'), { owner });
    await store.discard(other);
    expect(await codeOf(store.commit(other))).toBe('storage_failed');
    expect([(await list(store)).length, await kit.leftovers()]).toEqual([1, 0]);
  });

  it('opens ranges', async () => {
    const store = await kit.open();
    const { hash } = await put(store, Buffer.from('0123456789'));
    const empty = await put(store, Buffer.alloc(0));
    for (const [range, expected] of [
      [{ start: 0, end: 0 }, '0'],
      [{ start: 3, end: 5 }, '345'],
      [{ start: 7 }, '789'],
      [{ start: 8, end: 100 }, '89'],
      [{ start: 0 }, '0123456789'],
    ] as const) {
      const { content, totalBytes } = await read(store, hash, range);
      expect([content.toString(), totalBytes]).toEqual([expected, 10]);
    }
    expect((await read(store, empty.hash, { start: 0 })).content.length).toBe(0);
    for (const range of [{ start: 10 }, { start: 5, end: 4 }, { start: -1, end: 2 }, { start: 0.5, end: 2 }])
      expect(await codeOf(store.open(hash, { range }))).toBe('request_invalid');
    expect(await codeOf(store.open(empty.hash, { range: { start: 0, end: 0 } }))).toBe('request_invalid');
  });

  it('lets go of an object that is not read to its end', async () => {
    const store = await kit.open();
    const { hash } = await put(store, randomBytes(5_000_000));
    const { stream } = await store.open(hash);
    stream.on('error', () => {});
    stream.destroy();
    expect((await read(store, hash)).content.length).toBe(5_000_000);
  });

  it('removes, once', async () => {
    const store = await kit.open();
    const { hash } = await put(store, Buffer.from('old'));
    expect(await store.remove(hash)).toBe(true);
    expect([await store.remove(hash), await store.stat(hash), await list(store)]).toEqual([false, null, []]);
  });

  it.each(['../../etc/passwd', '', 'A'.repeat(64), `${'a'.repeat(63)}/`, '%2e%2e', 'tmp'])(
    'knows no object named %j',
    async (hash) => {
      const store = await kit.open();
      expect([await store.stat(hash), await store.remove(hash)]).toEqual([null, false]);
      expect(await codeOf(store.open(hash))).toBe('not_found');
    },
  );

  it.each([100, 30_000_000])('leaves nothing of a source that fails after %i bytes', async (length) => {
    const store = await kit.open();
    const fault = new Error('connection reset');
    const source = Readable.from(
      (async function* () {
        yield* cut(randomBytes(length));
        throw fault;
      })(),
      { objectMode: false },
    );
    await expect(store.stage(source, { owner })).rejects.toBe(fault);
    expect([source.destroyed, await kit.leftovers()]).toEqual([true, 0]);
  });

  it('stops at the size limit', async () => {
    const store = await kit.open();
    const source = Readable.from(cut(randomBytes(20_000_000)), { objectMode: false });
    expect(await codeOf(store.stage(source, { owner, maxBytes: 15_000_000 }))).toBe('payload_too_large');
    expect(await codeOf(store.stage(Buffer.alloc(11), { owner, maxBytes: 10 }))).toBe('payload_too_large');
    expect([source.destroyed, await kit.leftovers()]).toEqual([true, 0]);
    expect((await store.stage(Buffer.alloc(10), { owner, maxBytes: 10 })).bytes).toBe(10);
  });

  it.each(['before', 'meanwhile'])('ends with the reason of the signal: %s', async (when) => {
    const store = await kit.open();
    const controller = new AbortController();
    const reason = new Error('deadline');
    const latch = new Latch();
    const source = new Readable({ read: () => void latch.pass() });
    if (when === 'before') controller.abort(reason);
    const staging = store.stage(source, { owner, signal: controller.signal });
    if (when === 'meanwhile') {
      await latch.reached;
      controller.abort(reason);
    }
    await expect(staging).rejects.toBe(reason);
    expect([source.destroyed, await kit.leftovers()]).toEqual([true, 0]);
  });

  it('sweeps the staged files that the filter picks', async () => {
    let now = Date.now();
    const store = await kit.open({ ...systemClock, now: () => now });
    for (const name of ['a', 'b', 'c']) await store.stage(Buffer.from(name), { owner: name });
    await put(store, Buffer.from('kept'));
    expect(await codeOf(store.sweepStaged({}))).toBe('request_invalid');
    expect(await store.sweepStaged({ idleForMs: 60_000 })).toBe(0);
    expect(await store.sweepStaged({ owner: 'a' })).toBe(1);
    const asked: string[] = [];
    const isAbandoned = (file: { owner: string; bytes: number }) => {
      asked.push(file.owner);
      return file.owner === 'b' && file.bytes === 1;
    };
    expect(await store.sweepStaged({ isAbandoned })).toBe(1);
    expect(asked.sort()).toEqual(['b', 'c']);
    now += 120_000;
    expect(await store.sweepStaged({ idleForMs: 60_000 })).toBe(1);
    expect([await kit.leftovers(), (await list(store)).length]).toEqual([0, 1]);
  });

  it('keeps two owners apart, whatever they are called', async () => {
    const store = await kit.open();
    const names = ['host:1:x', 'a@b', '../..', 'ü/%25', ' '];
    for (const name of names) await store.stage(Buffer.from(name), { owner: name });
    const seen: string[] = [];
    await store.sweepStaged({ isAbandoned: (file) => seen.push(file.owner) < 0 });
    expect(seen.sort()).toEqual([...names].sort());
    for (const name of ['', 'x'.repeat(61)])
      expect(await codeOf(store.stage(Buffer.alloc(1), { owner: name }))).toBe('request_invalid');
  });
}

function* cut(bytes: Buffer): Iterable<Buffer> {
  for (let start = 0; start < bytes.length; start += 65_000) yield bytes.subarray(start, start + 65_000);
}
