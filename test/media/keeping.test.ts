import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import type { Db } from '../../src/db/index.js';
import { removeGenerations } from '../../src/generations/index.js';
import {
  addPending,
  FileMediaStore,
  type MediaFile,
  type MediaProbePoint,
  type OpenedMedia,
} from '../../src/media/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { codeOf, picture, useMedia } from './harness.js';

const DAY_MS = 24 * 60 * 60_000;

describeEachDatabase('files of accounts', ({ createDb }) => {
  const open = useMedia();

  function clockAt() {
    let now = Date.now();
    return {
      clock: { ...systemClock, now: () => now },
      later: (ms: number) => {
        now += ms;
      },
    };
  }

  /** A generation that reads this file, in this status. */
  async function generation(db: Db, file: MediaFile, status: 'queued' | 'succeeded'): Promise<string> {
    const id = newId();
    await db.transaction(async (tx) => {
      const { sampleRows } = await import('../db/rows.js');
      const row = { ...sampleRows().generations, id, account_id: file.accountId, status, idempotency_key: null };
      await tx.insertInto('generations').values(row).execute();
      await tx
        .insertInto('generation_inputs')
        .values({ generation_id: id, node_id: '1', input_name: 'image', media_id: file.id, upload_name: 'x.png' })
        .execute();
    });
    return id;
  }

  it('are one object where their content is equal, which goes with the last of them', async () => {
    const { media, objects, staged } = open(await createDb());
    const bytes = await picture();
    const mine = await media.put('a', bytes);
    const again = await media.put('a', bytes);
    const theirs = await media.put('b', Readable.from([bytes], { objectMode: false }), { filename: '../x.png' });
    expect(theirs).toMatchObject({ filename: 'x.png', hash: mine.hash });
    expect(await objects()).toEqual([mine.hash]);
    for (const wrong of ['get', 'remove', 'info'] as const)
      expect(await codeOf(media[wrong](mine.id, 'b'))).toBe('not_found');
    expect(await codeOf(media.pin(mine.id, 'b', true))).toBe('not_found');
    await media.remove(mine.id, 'a');
    await media.remove(again.id, 'a');
    expect(await codeOf(media.open(mine.id, 'a'))).toBe('not_found');
    expect(await objects()).toEqual([mine.hash]);
    await media.remove(theirs.id, 'b');
    expect([await objects(), await staged()]).toEqual([[], []]);
  });

  it('are never lost to a removal of the same content at the same time', async () => {
    const { media, objects } = open(await createDb());
    const bytes = await picture();
    for (let round = 0; round < 15; round += 1) {
      const old = await media.put('a', bytes);
      const [, fresh] = await Promise.all([media.remove(old.id, 'a'), media.put('b', bytes)]);
      const { stream } = await media.open(fresh.id, 'b');
      expect((await stream.toArray()).length).toBeGreaterThan(0);
      expect(await objects()).toEqual([fresh.hash]);
      await media.remove(fresh.id, 'b');
    }
    expect(await objects()).toEqual([]);
  });

  it('wait for a removal of the same content that is under way, and go on where it was cut short', async () => {
    const db = await createDb();
    const { clock, later } = clockAt();
    const { media, objects } = open(db, { clock });
    const bytes = await picture();
    const { hash, id } = await media.put('a', bytes);
    await media.remove(id, 'a');
    const removal = { hash, until: clock.now() + 60_000 };
    await db.transaction((tx) => tx.insertInto('media_removals').values(removal).execute());
    let isStored = false;
    const storing = media.put('a', bytes).finally(() => {
      isStored = true;
    });
    const other = await media.put('a', await picture('png', 10, 10));
    expect([isStored, other.bytes > 0]).toEqual([false, true]);
    later(61_000);
    const stored = await storing;
    expect(await objects()).toContain(stored.hash);
    expect((await media.sweep()).removals).toBe(0);
    await db.transaction((tx) => tx.insertInto('media_removals').values(removal).execute());
    // It is wanted again: the removal is dropped and not carried out.
    await media.sweep();
    expect(await objects()).toContain(hash);
    expect(await db.kysely.selectFrom('media_removals').selectAll().execute()).toEqual([]);
  });

  it('are not taken away once their removal might run out: by then they may be wanted, so the sweep has a new look', async () => {
    const { clock, later } = clockAt();
    // A store that is slow, as a service may be.
    const probe = async (point: MediaProbePoint) => {
      if (point === 'removal-done') later(20_000);
    };
    const db = await createDb();
    const { media, objects } = open(db, { clock, probe });
    const file = await media.put('a', await picture());
    const derived = await media.derive(file.id, 'a', { width: 10 });
    await media.remove(file.id, 'a');
    expect(await objects()).toEqual([derived.hash]);
    expect(await db.kysely.selectFrom('media_removals').select('hash').execute()).toEqual([{ hash: derived.hash }]);
    later(60_000);
    expect(await media.sweep()).toMatchObject({ removals: 1 });
    expect(await objects()).toEqual([]);
  });

  it('are swept although one of them cannot be removed, until the sweep is told to stop', async () => {
    const { clock, later } = clockAt();
    const db = await createDb();
    const hashes: string[] = [];
    const controller = new AbortController();
    let removals = 0;
    const probe = async (point: MediaProbePoint) => {
      if (point !== 'removal-begun') return;
      removals += 1;
      if (removals === 1) throw new Error('read-only');
      if (removals === 3) controller.abort();
    };
    const { media, objects } = open(db, { clock, probe, settings: { keepDays: 1 } });
    for (let side = 1; side <= 4; side += 1) hashes.push((await media.put('a', await picture('png', side, side))).hash);
    const [dangling = ''] = hashes;
    await db.transaction((tx) => tx.deleteFrom('media').where('hash', '=', dangling).execute());
    await db.transaction((tx) => tx.insertInto('media_removals').values({ hash: dangling, until: 0 }).execute());
    later(2 * DAY_MS);
    expect(await media.sweep({ signal: controller.signal })).toMatchObject({ removals: 0, expired: 2 });
    expect(await objects()).toHaveLength(2);
    later(DAY_MS);
    expect(await media.sweep()).toMatchObject({ removals: 1, expired: 1 });
    expect(await objects()).toEqual([]);
  });

  it('are refused beyond the quota, also when they come at once', async () => {
    const bytes = await picture();
    const { media, objects } = open(await createDb(), { settings: { quotaBytes: bytes.length * 3 + 10 } });
    const results = await Promise.all(
      Array.from({ length: 6 }, async (_, side) =>
        codeOf(media.put('a', await picture('png', 48, 32, `rgb(${side},0,0)`))),
      ),
    );
    expect(results.filter((code) => code === 'none').length).toBe(3);
    expect(results.filter((code) => code === 'media_quota_exceeded').length).toBe(3);
    expect(await objects()).toHaveLength(3);
    expect(await media.usage('a')).toMatchObject({ files: 3, quotaBytes: bytes.length * 3 + 10 });
    expect(await codeOf(media.put('b', bytes))).toBe('none');
  });

  it('are kept as long as the retention says, longer when they are pinned or needed', async () => {
    const db = await createDb();
    const { clock, later } = clockAt();
    const { media, objects } = open(db, { clock, settings: { keepDays: 30 } });
    const file = async (side: number) => media.put('a', await picture('png', side, side));
    const [plain, pinned, needed, ended] = [await file(1), await file(2), await file(3), await file(4)];
    await media.pin(pinned.id, 'a', true);
    await generation(db, needed, 'queued');
    const done = await generation(db, ended, 'succeeded');
    later(29 * DAY_MS);
    const young = await file(5);
    expect(await media.sweep()).toMatchObject({ expired: 0 });
    later(2 * DAY_MS);
    expect(await media.sweep()).toMatchObject({ expired: 2 });
    const left = await media.list({ accountId: 'a' });
    expect(left.map(({ id }) => id)).toEqual([young.id, needed.id, pinned.id]);
    expect(await objects()).toEqual([young.hash, needed.hash, pinned.hash].sort());
    expect(await codeOf(media.get(plain.id, 'a'))).toBe('not_found');
    expect(await codeOf(media.remove(needed.id, 'a'))).toBe('media_in_use');
    // What ended generations refer to stays as a mention.
    const rows = await db.kysely.selectFrom('media').select('state').where('id', '=', ended.id).execute();
    expect([rows, done !== '']).toEqual([[{ state: 'removed' }], true]);
    await media.pin(pinned.id, 'a', false);
    expect(await media.sweep()).toMatchObject({ expired: 1 });
  });

  it('are kept by their number, the newest of each account', async () => {
    const { media } = open(await createDb(), { settings: { keepLatest: 2 } });
    const files = [];
    for (let side = 1; side <= 5; side += 1) files.push(await media.put('a', await picture('png', side, side)));
    await media.put('b', await picture());
    await media.pin(files[0]!.id, 'a', true);
    expect(await media.sweep()).toMatchObject({ expired: 2 });
    const left = await media.list({ accountId: 'a' });
    expect(left.map(({ id }) => id)).toEqual([files[4]!.id, files[3]!.id, files[0]!.id]);
    expect(await media.list({ accountId: 'a', pinned: true })).toHaveLength(1);
    expect(await media.list({ accountId: 'b' })).toHaveLength(1);
  });

  it('go with their account, everywhere', async () => {
    const db = await createDb();
    const { media, objects } = open(db);
    const shared = await picture();
    const mine = await media.put('a', shared);
    const theirs = await media.put('b', shared);
    const other = await media.put('a', await picture('png', 9, 9));
    await media.derive(other.id, 'a', { preset: 'thumbnail' });
    const open_ = await generation(db, mine, 'queued');
    expect(await codeOf(removeGenerations(db, 'a'))).toBe('transition_illegal');
    expect(await codeOf(media.removeAccount('a'))).toBe('media_in_use');
    await db.transaction((tx) =>
      tx.updateTable('generations').set({ status: 'succeeded' }).where('id', '=', open_).execute(),
    );
    await generation(db, mine, 'succeeded');
    expect(await removeGenerations(db, 'a')).toBe(2);
    await media.removeAccount('a');
    expect(await media.usage('a')).toMatchObject({ files: 0, bytes: 0 });
    expect(await objects()).toEqual([theirs.hash]);
    const rest = await db.kysely.selectFrom('media').select('account_id').execute();
    expect(rest).toEqual([{ account_id: 'b' }]);
    expect(await db.kysely.selectFrom('media_derived').selectAll().execute()).toEqual([]);
  });

  it('say how they came: an attachment of a request was sent in, as an upload was', async () => {
    const db = await createDb();
    const { media } = open(db);
    const sources = [];
    for (const attemptId of [null, newId()]) {
      const staged = await media.store.stage(await picture(), { owner: 'x' });
      const ids = await addPending({ db, clock: systemClock }, { accountId: 'a', attemptId, files: [staged] });
      await media.store.commit(staged);
      await db.transaction((tx) => tx.updateTable('media').set({ state: 'stored' }).execute());
      sources.push((await media.get(ids.get(staged.hash) ?? '', 'a')).source);
    }
    expect(sources).toEqual(['upload', 'generation']);
  });

  it('have no orphans, unless somebody made one', async () => {
    const { clock, later } = clockAt();
    const { media, objects } = open(await createDb(), { clock });
    const { hash } = await media.put('a', await picture());
    const staged = await media.store.stage(Buffer.from('orphan'), { owner: 'x' });
    await media.store.commit(staged);
    expect(await media.sweep({ orphans: true })).toMatchObject({ orphans: 0 });
    later(2 * DAY_MS);
    expect(await media.sweep()).toMatchObject({ orphans: 0 });
    expect(await media.sweep({ orphans: true })).toMatchObject({ orphans: 1 });
    expect(await objects()).toEqual([hash]);
  });

  it('of dead processes go from the local disk at the start, without a look through the store', async () => {
    const away = open(await createDb());
    const { media, root, staged } = open(await createDb(), { store: away.media.store });
    const here = new FileMediaStore({ root, clock: systemClock });
    for (const owner of ['test:1:a', 'dead']) {
      await here.stage(Buffer.from('half'), { owner });
      await away.media.store.stage(Buffer.from('half'), { owner });
    }
    await media.start();
    expect([await staged(), await away.staged()]).toMatchObject([{ length: 1 }, { length: 2 }]);
    expect(await media.sweep()).toMatchObject({ staged: 1 });
    expect([await staged(), await away.staged()]).toMatchObject([{ length: 1 }, { length: 1 }]);
  });

  it('that go while they are looked at leave no facts behind', async () => {
    const db = await createDb();
    let whileOpen = async () => {};
    const { media } = open(db, {
      store: new (class extends FileMediaStore {
        override async open(hash: string): Promise<OpenedMedia> {
          const opened = await super.open(hash);
          await whileOpen();
          return opened;
        }
      })({ root: open(db).root, clock: systemClock }),
    });
    const facts = () => db.kysely.selectFrom('media_facts').select('hash').execute();
    const { id } = await media.put('a', await picture());
    const forget = () => db.transaction((tx) => tx.deleteFrom('media_facts').execute());
    await forget();
    await media.info(id, 'a');
    expect(await facts()).toHaveLength(1);
    await forget();
    whileOpen = () => media.remove(id, 'a');
    expect((await media.info(id, 'a')).facts).toMatchObject({ width: 48, height: 32 });
    expect(await facts()).toEqual([]);
  });

  it('leave nothing of a failed upload', async () => {
    const db = await createDb();
    const { media, objects, staged } = open(db);
    const broken = new Readable({ read() {} });
    const storing = media.put('a', broken);
    broken.push(await picture());
    broken.destroy(new Error('gone'));
    await expect(storing).rejects.toThrow('gone');
    expect(await codeOf(media.put('a', Buffer.from('<html>')))).toBe('media_invalid');
    expect([await objects(), await staged()]).toEqual([[], []]);
    expect(await db.kysely.selectFrom('media').selectAll().execute()).toEqual([]);
  });
});
