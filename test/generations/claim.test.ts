import type { CompiledQuery } from 'kysely';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import type { Db, DbTransaction } from '../../src/db/index.js';
import { claimNext } from '../../src/generations/claim.js';
import { acquireLease, processIdentity } from '../../src/generations/lease.js';
import { firstComeFirstServed } from '../../src/generations/seams.js';
import { backendRow } from '../db/rows.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ACCOUNT, request, useNodes } from './harness.js';

describeEachDatabase('a claim', ({ createDb }) => {
  const { node } = useNodes();

  test('takes nothing when the backend becomes its own only after its first statement has looked', async () => {
    const db = await createDb();
    const { generations } = await node(db, { backends: [] });
    const { id } = await generations.submit(request());
    const owned = { kind: 'comfyui', desired: 'active' as const, state: 'ready', owner_node: null, lease_until: 0 };
    await db.transaction((tx) =>
      tx
        .insertInto('backends')
        .values({ ...backendRow('gpu'), ...owned })
        .execute(),
    );
    const identity = processIdentity(newId());
    const lease = await acquireLease(db, { backendId: 'gpu', identity, leaseMs: 60_000, nowMs: Date.now() });
    if (lease === null) throw new Error('The lease was not to be had.');

    const late = (tx: DbTransaction) =>
      new Proxy(tx, {
        get(target, key) {
          if (key === 'executeQuery') {
            return async (query: CompiledQuery) =>
              query.sql.startsWith('update "backends"') ? NOTHING : target.executeQuery(query);
          }
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    const torn = {
      kysely: db.kysely,
      transaction: <T>(work: (tx: DbTransaction) => Promise<T>) => db.transaction((tx) => work(late(tx))),
    } as unknown as Db;
    const claim = (through: Db) =>
      claimNext({ db: through, clock: systemClock, policy: firstComeFirstServed }, lease, identity.owner);
    expect(await claim(torn)).toBeNull();
    expect(await generations.get(id, ACCOUNT)).toMatchObject({ status: 'queued', attemptCount: 0 });
    expect(await claim(db)).toMatchObject({ generationId: id, number: 1 });
  });
});

const NOTHING = { rows: [], numAffectedRows: 0n };
