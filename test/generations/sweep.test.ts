import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { insertPendingMedia } from '../../src/generations/media-rows.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ACCOUNT, request, useNodes } from './harness.js';

/** Above what any system gives out. */
const DEAD_PID = 2 ** 30;
const DAY_MS = 24 * 60 * 60_000;
/** A sweep of the node's own, at the same moment, may have taken the row and not yet the file. */
const NO_TICKS = { timing: { tickMs: DAY_MS } };

describeEachDatabase('the sweep of generations', ({ createDb }) => {
  const nodes = useNodes();

  test('removes files of closed attempts, and leaves all others to the media room', async () => {
    const db = await createDb();
    const { generations, backend, media, mediaRoot } = await nodes.node(db, NO_TICKS);
    backend.autoFinish = () => [];
    const { id } = await generations.submit(request());
    await generations.wait(id, ACCOUNT);
    const attempt = await db.kysely
      .selectFrom('attempts')
      .select(['id as attemptId', 'generation_id as generationId', 'backend_id as backendId', 'epoch'])
      .where('generation_id', '=', id)
      .executeTakeFirstOrThrow();
    const collected = await media.stage(Buffer.from('collected too late'), { owner: 'a' });
    const rows = { accountId: ACCOUNT, attempt, files: [collected] };
    await insertPendingMedia({ db, clock: systemClock }, rows);
    await media.commit(collected);
    const upload = await generations.attach(ACCOUNT, Buffer.from('an upload'), { maxBytes: 1_000 });
    await media.stage(Buffer.from('half-written'), { owner: `${hostname()}:${DEAD_PID}:x` });
    await db.transaction((tx) =>
      tx
        .updateTable('media')
        .set((eb) => ({ created_at: eb('created_at', '-', DAY_MS) }))
        .execute(),
    );
    await generations.sweep();
    await nodes.node(db, { mediaRoot, backends: [] });
    expect(await db.kysely.selectFrom('media').select('id').execute()).toEqual([{ id: upload.mediaId }]);
    const objects = [];
    for await (const { hash } of media.list()) objects.push(hash);
    expect(objects).toEqual([upload.hash]);
    expect(await readdir(join(mediaRoot, 'tmp'))).toHaveLength(1);
  });
});
