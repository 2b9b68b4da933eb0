import { createHash, randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import { Latch, VirtualClock } from '../testing/index.js';
import { FileMediaStore, type MediaFs } from './index.js';

let root: string;
let store: FileMediaStore;

beforeEach(async () => {
  root = await nodeFs.mkdtemp(join(tmpdir(), 'easel-media-'));
  store = new FileMediaStore({ root, clock: systemClock });
});

afterEach(async () => {
  await nodeFs.rm(root, { recursive: true, force: true });
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const owner = 'node-1';

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error instanceof EaselError ? error.code : `not an EaselError: ${error}`;
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await nodeFs.readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

async function put(bytes: Uint8Array): Promise<string> {
  const staged = await store.stage(bytes, { owner });
  await store.commit(staged);
  return staged.hash;
}

describe('storing', () => {
  it('returns what was put in, however it was cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 6_000 }), { maxLength: 8 }), async (chunks) => {
        const whole = Buffer.concat(chunks);
        const staged = await store.stage(Readable.from(chunks, { objectMode: false }), { owner });
        expect(staged).toMatchObject({ hash: sha256(whole), bytes: whole.length, owner });
        expect(await store.stat(staged.hash).then((info) => info?.bytes ?? null)).toBe(null);
        await store.commit(staged);
        const { stream, bytes, totalBytes } = await store.open(staged.hash);
        expect([bytes, totalBytes]).toEqual([whole.length, whole.length]);
        expect((await buffer(stream)).equals(whole)).toBe(true);
        await store.remove(staged.hash);
      }),
      { numRuns: 25 },
    );
    expect(await filesUnder('.')).toEqual([]);
  });

  it('takes a buffer larger than one slice', async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 17);
    const hash = await put(bytes);
    expect(hash).toBe(sha256(bytes));
    expect((await buffer((await store.open(hash)).stream)).equals(bytes)).toBe(true);
  });

  it('names the type by the bytes', async () => {
    const gif = Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAACAkwBADs=', 'base64');
    expect((await store.stage(gif, { owner, declaredType: 'text/html' })).contentType).toBe('image/gif');
  });

  it('keeps files from other users of the machine', async () => {
    const hash = await put(Buffer.from('private'));
    const file = await nodeFs.stat(join(root, 'objects', hash.slice(0, 2), hash));
    expect(file.mode & 0o077).toBe(0);
    expect((await nodeFs.stat(join(root, 'objects'))).mode & 0o077).toBe(0);
  });

  it('commits twice, and equal content from several writers at once, as one object', async () => {
    const bytes = Buffer.from('the same picture');
    const staged = await Promise.all(Array.from({ length: 8 }, () => store.stage(bytes, { owner })));
    const other = new FileMediaStore({ root, clock: systemClock });
    await Promise.all(staged.map((file, index) => (index % 2 ? other : store).commit(file)));
    await store.commit(staged[0]!);
    expect(await filesUnder('objects')).toEqual([sha256(bytes)]);
    expect(await filesUnder('tmp')).toEqual([]);
  });

  it('discards, also twice and after a commit, without touching the object', async () => {
    const staged = await store.stage(Buffer.from('one'), { owner });
    await store.discard(staged);
    await store.discard(staged);
    expect(await codeOf(store.commit(staged))).toBe('storage_failed');
    const again = await store.stage(Buffer.from('one'), { owner });
    await store.commit(again);
    await store.discard(again);
    expect(await filesUnder('.')).toEqual([sha256(Buffer.from('one'))]);
  });

  it('recovers when its folders are removed while it runs', async () => {
    await put(Buffer.from('before'));
    const staged = await store.stage(Buffer.from('before'), { owner });
    await nodeFs.rm(join(root, 'objects'), { recursive: true });
    expect(await codeOf(store.commit(staged))).toBe('storage_failed');
    await store.commit(staged);
    expect(await filesUnder('objects')).toEqual([staged.hash]);
  });
});

describe('a source that fails', () => {
  it('passes the error of the source on and leaves nothing', async () => {
    const fault = new Error('connection reset');
    const source = Readable.from(
      (async function* () {
        yield Buffer.alloc(100_000);
        throw fault;
      })(),
    );
    await expect(store.stage(source, { owner })).rejects.toBe(fault);
    expect(source.destroyed).toBe(true);
    expect(await filesUnder('.')).toEqual([]);
  });

  it('fails when the source closes early instead of taking the part for the whole', async () => {
    const source = new Readable({ read() {} });
    source.push(Buffer.alloc(10));
    const staging = store.stage(source, { owner });
    source.destroy();
    await expect(staging).rejects.toThrow(/premature/i);
    expect(await filesUnder('.')).toEqual([]);
  });

  it.each(['before', 'while stalled'])('stops when the signal aborts: %s', async (when) => {
    const latch = new Latch();
    const source = new Readable({
      read() {
        void latch.pass();
      },
    });
    const controller = new AbortController();
    const reason = new Error('deadline');
    if (when === 'before') controller.abort(reason);
    const staging = store.stage(source, { owner, signal: controller.signal });
    if (when === 'while stalled') {
      await latch.reached;
      controller.abort(reason);
    }
    await expect(staging).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
    expect(await filesUnder('.')).toEqual([]);
  });

  it('stops at the limit, without reading an endless source further', async () => {
    let delivered = 0;
    const source = new Readable({
      highWaterMark: 1_000,
      read() {
        delivered += 1_000;
        this.push(Buffer.alloc(1_000));
      },
    });
    expect(await codeOf(store.stage(source, { owner, maxBytes: 10_000 }))).toBe('payload_too_large');
    expect(source.destroyed).toBe(true);
    expect(delivered).toBeLessThan(20_000);
    expect(await codeOf(store.stage(Buffer.alloc(11), { owner, maxBytes: 10 }))).toBe('payload_too_large');
    expect((await store.stage(Buffer.alloc(10), { owner, maxBytes: 10 })).bytes).toBe(10);
    expect(await filesUnder('tmp')).toHaveLength(1);
  });

  it('refuses a source of text', async () => {
    await expect(store.stage(Readable.from(['text']), { owner })).rejects.toThrow(TypeError);
    expect(await filesUnder('.')).toEqual([]);
  });
});

describe('a disk that fails', () => {
  const fault = (code: string) => Object.assign(new Error(`${code}: as injected`), { code });

  /** Real files, but the handle's methods given in `broken` throw. */
  function diskWith(broken: Partial<Record<'write' | 'sync' | 'close', string>>): MediaFs {
    return {
      ...nodeFs,
      open: async (...parameters: Parameters<typeof nodeFs.open>) => {
        const handle = await nodeFs.open(...parameters);
        return new Proxy(handle, {
          get(target, name: 'write') {
            const code = broken[name];
            if (code !== undefined)
              return async () => {
                if ((name as string) === 'close') await target.close();
                throw fault(code);
              };
            const value = target[name];
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
      },
    };
  }

  it.each([
    ['write', 'ENOSPC', /free space/i],
    ['sync', 'EIO', /free space and permissions/i],
    ['close', 'EDQUOT', /quota/i],
  ] as const)('reports a failing %s (%s) and leaves nothing', async (operation, code, hint) => {
    const broken = new FileMediaStore({ root, clock: systemClock, fs: diskWith({ [operation]: code }) });
    await nodeFs.mkdir(join(root, 'tmp'));
    const source = Readable.from([Buffer.alloc(2_000)]);
    const error = await broken.stage(source, { owner }).catch((thrown: unknown) => thrown as EaselError);
    expect(error).toMatchObject({ code: 'storage_failed', retryable: true });
    expect((error as EaselError).hint).toMatch(hint);
    expect(source.destroyed).toBe(true);
    expect(await filesUnder('.')).toEqual([]);
  });

  it('goes on after a write that took only a part', async () => {
    const partial: MediaFs = {
      ...nodeFs,
      open: async (...parameters: Parameters<typeof nodeFs.open>) => {
        const handle = await nodeFs.open(...parameters);
        const write = handle.write.bind(handle) as (bytes: Uint8Array, offset: number, length: number) => unknown;
        handle.write = ((bytes: Uint8Array, offset: number, length: number) =>
          write(bytes, offset, Math.min(length, 7))) as typeof handle.write;
        return handle;
      },
    };
    const bytes = randomBytes(100);
    const slow = new FileMediaStore({ root, clock: systemClock, fs: partial });
    const staged = await slow.stage(bytes, { owner });
    await slow.commit(staged);
    expect((await buffer((await slow.open(staged.hash)).stream)).equals(bytes)).toBe(true);
  });

  it('never shows an object whose rename failed, and can commit later', async () => {
    let failures = 1;
    const fs: MediaFs = {
      ...nodeFs,
      rename: async (from, to) => {
        if (failures-- > 0) throw fault('EACCES');
        await nodeFs.rename(from, to);
      },
    };
    const flaky = new FileMediaStore({ root, clock: systemClock, fs });
    const staged = await flaky.stage(Buffer.from('x'), { owner });
    expect(await codeOf(flaky.commit(staged))).toBe('storage_failed');
    expect(await flaky.stat(staged.hash)).toBe(null);
    await flaky.commit(staged);
    expect((await flaky.stat(staged.hash))?.bytes).toBe(1);
  });

  it('says so when the folder cannot be made', async () => {
    await nodeFs.writeFile(join(root, 'taken'), '');
    const impossible = new FileMediaStore({ root: join(root, 'taken', 'media'), clock: systemClock });
    expect(await codeOf(impossible.stage(Buffer.from('x'), { owner }))).toBe('storage_failed');
  });

  it('forces bytes, then name, then new folders to disk before a commit is done', async () => {
    const log: string[] = [];
    const name = (path: unknown) =>
      String(path)
        .slice(root.length)
        .replace(/@.*/, '@')
        .replace(/[0-9a-f]{64}/, 'HASH');
    const fs: MediaFs = {
      ...nodeFs,
      open: async (...parameters: Parameters<typeof nodeFs.open>) => {
        const handle = await nodeFs.open(...parameters);
        const sync = handle.sync.bind(handle);
        handle.sync = async () => {
          log.push(`sync ${name(parameters[0])}`);
          await sync();
        };
        return handle;
      },
      rename: async (from, to) => {
        log.push(`rename ${name(from)} ${name(to)}`);
        await nodeFs.rename(from, to);
      },
    };
    const watched = new FileMediaStore({ root, clock: systemClock, fs });
    await watched.commit(await watched.stage(Buffer.from('abc'), { owner }));
    expect(log).toEqual([
      'sync ',
      'sync /tmp/node-1@',
      'sync ',
      'sync /objects',
      'rename /tmp/node-1@ /objects/ba/HASH',
      'sync /objects/ba',
    ]);
  });
});

describe('reading', () => {
  it('serves ranges as HTTP counts them', async () => {
    const hash = await put(Buffer.from('0123456789'));
    const read = async (start: number, end?: number) => {
      const opened = await store.open(hash, { range: { start, ...(end === undefined ? {} : { end }) } });
      const text = (await buffer(opened.stream)).toString();
      expect(opened).toMatchObject({ bytes: text.length, totalBytes: 10 });
      return text;
    };
    expect(await read(0)).toBe('0123456789');
    expect(await read(2, 4)).toBe('234');
    expect(await read(9)).toBe('9');
    expect(await read(5, 1_000)).toBe('56789');
    for (const [start, end] of [[10], [4, 2], [-1], [0.5]] as const)
      expect(await codeOf(read(start!, end))).toBe('request_invalid');
  });

  it('finds nothing under names that are no hashes, least of all outside its folder', async () => {
    await nodeFs.writeFile(join(root, 'secret'), 'x');
    for (const name of ['', '../../secret', 'A'.repeat(64), `${'a'.repeat(64)}/..`, 'f'.repeat(64)]) {
      expect(await codeOf(store.open(name))).toBe('not_found');
      expect(await store.stat(name)).toBe(null);
      expect(await store.remove(name)).toBe(false);
    }
    expect(await filesUnder('.')).toEqual(['secret']);
  });

  it('lists objects and passes over what is not its own', async () => {
    const hashes = await Promise.all(['a', 'b', 'c'].map((text) => put(Buffer.from(text))));
    await nodeFs.writeFile(join(root, 'objects', 'notes.txt'), 'x');
    await nodeFs.writeFile(join(root, 'objects', hashes[0]!.slice(0, 2), '.hidden'), 'x');
    const listed: string[] = [];
    for await (const info of store.list()) listed.push(`${info.hash} ${info.bytes}`);
    expect(listed.sort()).toEqual(hashes.map((hash) => `${hash} 1`).sort());
  });

  it('lists nothing in a store that was never written to', async () => {
    for await (const info of store.list()) expect.unreachable(info.hash);
    expect(await store.sweepStaged({ idleForMs: 0 })).toBe(0);
  });
});

describe('removing', () => {
  it('removes an object once', async () => {
    const hash = await put(Buffer.from('x'));
    expect(await store.remove(hash)).toBe(true);
    expect(await store.remove(hash)).toBe(false);
    expect(await store.stat(hash)).toBe(null);
  });

  it('sweeps what a dead owner left and nothing of a live one', async () => {
    const gate = new Latch();
    const source = Readable.from(
      (async function* () {
        yield Buffer.from('half');
        await gate.pass();
        yield Buffer.from(' and half');
      })(),
    );
    const live = store.stage(source, { owner: 'node@2/ü' });
    await gate.reached;
    await store.stage(Buffer.from('remains'), { owner: 'node-1' });
    await nodeFs.writeFile(join(root, 'tmp', 'README'), 'not ours');

    expect(await store.sweepStaged({ owner: 'node-3' })).toBe(0);
    expect(await store.sweepStaged({ owner: 'node-1' })).toBe(1);
    const asked: string[] = [];
    const isAbandoned = (file: { owner: string }) => {
      asked.push(file.owner);
      return false;
    };
    expect(await store.sweepStaged({ isAbandoned })).toBe(0);
    expect(asked).toEqual(['node@2/ü']);

    gate.open();
    await store.commit(await live);
    expect((await filesUnder('tmp')).sort()).toEqual(['README']);
  });

  it('sweeps by idle time', async () => {
    const clock = new VirtualClock(Date.now());
    store = new FileMediaStore({ root, clock });
    await store.stage(Buffer.from('old'), { owner });
    clock.jumpTo(Date.now() + 60_000);
    expect(await store.sweepStaged({ owner, idleForMs: 3_600_000 })).toBe(0);
    expect(await store.sweepStaged({ idleForMs: 30_000 })).toBe(1);
    expect(await codeOf(store.sweepStaged({}))).toBe('request_invalid');
  });

  it.each(['', 'x'.repeat(61)])('refuses an owner that cannot be a name: %j', async (name) => {
    expect(await codeOf(store.stage(Buffer.from('x'), { owner: name }))).toBe('request_invalid');
    expect(await filesUnder('.')).toEqual([]);
  });
});

describe('memory', () => {
  it('takes 200 MB in and gives it out within 64 MB', async () => {
    const chunks = 3_200;
    let highest = 0;
    const sample = () => {
      highest = Math.max(highest, process.memoryUsage.rss());
    };
    await put(Buffer.alloc(1_000_000)); // whatever the first use loads is not the subject
    const before = process.memoryUsage.rss();
    const source = Readable.from(
      (async function* () {
        for (let index = 0; index < chunks; index += 1) {
          if (index % 64 === 0) sample();
          yield Buffer.alloc(65_536, index);
        }
      })(),
      { highWaterMark: 4 },
    );
    const staged = await store.stage(source, { owner });
    await store.commit(staged);
    let bytes = 0;
    for await (const chunk of (await store.open(staged.hash)).stream) {
      bytes += (chunk as Buffer).length;
      if (bytes % (64 * 65_536) === 0) sample();
    }
    sample();
    expect(bytes).toBe(chunks * 65_536);
    expect((highest - before) / 2 ** 20).toBeLessThan(64);
  });
});
