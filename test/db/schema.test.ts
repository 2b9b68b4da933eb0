import { expect, test } from 'vitest';
import { type Db, UNIQUE_CONSTRAINTS } from '../../src/db/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { expectGenerated } from '../helpers/generated.js';
import { catalogueOf } from './catalogue.js';
import { sampleRows, TABLES } from './rows.js';

/**
 * The schema as each database itself tells it, compared with a committed copy: a change of the schema shows up in review
 * as a change of these files. `EASEL_UPDATE_DOCS=1 npx vitest run test/db/schema.test.ts` writes them.
 */
describeEachDatabase('schema', ({ dialect, createDb }) => {
  test('is the one in test/golden', async () => {
    const { url } = await createDb();
    const statements = await catalogueOf(dialect, url).dump();
    expectGenerated(`test/golden/schema-${dialect}.sql`, statements.map((statement) => `${statement};\n`).join('\n'));
  });

  test('has exactly the tables and columns of the types', async () => {
    const { url } = await createDb();
    const tables = await catalogueOf(dialect, url).columns();
    expect([...tables.keys()].sort()).toEqual([...TABLES, 'easel_migrations'].sort());
    const rows: Record<string, object> = sampleRows();
    for (const table of TABLES) {
      expect([...tables.get(table)!.keys()].sort(), table).toEqual(Object.keys(rows[table]!).sort());
    }
    const types = new Set([...tables.values()].flatMap((columns) => [...columns.values()]));
    expect([...types].sort()).toEqual(dialect === 'sqlite' ? ['INTEGER', 'TEXT'] : ['bigint', 'text']);
  });

  test('has exactly the unique constraints of the list', async () => {
    const { url } = await createDb();
    const listed = Object.entries(UNIQUE_CONSTRAINTS).map(
      ([name, { table, columns }]) => `${dialect === 'sqlite' ? '' : `${name} `}${table}(${columns.join(',')})`,
    );
    expect((await catalogueOf(dialect, url).uniqueConstraints()).sort()).toEqual(listed.sort());
  });

  test('serves the queries of the queue by its indexes', async () => {
    const db = await createDb();
    const catalogue = catalogueOf(dialect, db.url);
    await fill(db);
    await catalogue.run('analyze');
    for (const [index, query] of Object.entries(queriesByIndex(db))) {
      const name =
        dialect === 'sqlite' ? index.replace('generations_idempotency_key', 'sqlite_autoindex_generations_2') : index;
      expect(await catalogue.explain(query.compile()), index).toContain(name);
    }
  });
});

function queriesByIndex({ kysely }: Db) {
  const generations = kysely.selectFrom('generations').select('id');
  const media = kysely.selectFrom('media').select('id');
  const waiting = generations.where('status', '=', 'queued');
  const inLane = waiting.where('lane', '=', 0).where('available_at', '<=', 10_000);
  return {
    generations_waiting_due: inLane.where('vstart', 'is not', null).orderBy('vstart').orderBy('id').limit(32),
    generations_waiting_model: inLane
      .where('model_key', '>=', '')
      .where('model_key', '=', 'model7')
      .orderBy('vstart')
      .orderBy('id')
      .limit(4),
    generations_waiting_needs: inLane
      .where('created_at', '>=', 0)
      .where('needs_key', '=', 'needs7')
      .orderBy('vstart')
      .orderBy('id')
      .limit(1),
    generations_waiting_account: kysely
      .selectFrom('generations')
      .select('account_id')
      .where('status', '=', 'queued')
      .where('lane', '=', 0)
      .where('updated_at', '>=', 0)
      .where('account_id', '>', 'account7')
      .orderBy('account_id')
      .limit(1),
    generations_waiting_deadline: waiting
      .where('queue_deadline_at', '>=', 0)
      .where('queue_deadline_at', '<=', 5)
      .orderBy('queue_deadline_at')
      .limit(10),
    generations_by_account: generations.where('account_id', '=', 'account7').orderBy('id', 'desc').limit(10),
    generations_idempotency_key: generations.where('account_id', '=', 'account7').where('idempotency_key', '=', 'key7'),
    generations_open: generations.where('account_id', '=', 'account7').where('finished_at', 'is', null),
    attempts_by_backend: kysely
      .selectFrom('attempts')
      .select('id')
      .where('backend_id', '=', 'gpu3')
      .where('status', 'in', ['claimed', 'sent', 'running', 'collecting']),
    media_pending: media.where('state', '=', 'pending').where('created_at', '<', 50).orderBy('created_at').limit(10),
    media_by_hash: media.where('hash', '=', 'hash7'),
    media_by_account: media.where('account_id', '=', 'account7').orderBy('id', 'desc').limit(10),
    media_by_attempt: media.where('attempt_id', '=', 'attempt7'),
  };
}

/** Mostly finished work, as a database that has been in use: among few rows no index is worth its while. */
async function fill(db: Db): Promise<void> {
  const rows = sampleRows();
  const numbers = Array.from({ length: 4000 }, (_, index) => index);
  const few = (index: number, rare: string, common: string) => (index % 100 === 0 ? rare : common);
  await db.transaction(async (tx) => {
    for (let start = 0; start < numbers.length; start += 200) {
      const slice = numbers.slice(start, start + 200);
      const common = (index: number) => ({ id: `id${index}`, created_at: index });
      await tx
        .insertInto('generations')
        .values(
          slice.map((index) => ({
            ...rows.generations,
            ...common(index),
            account_id: `account${index % 50}`,
            idempotency_key: `key${index}`,
            status: index % 4 === 0 ? 'queued' : 'succeeded',
            available_at: index,
            queue_deadline_at: index,
            finished_at: index % 4 === 0 ? null : index,
            vstart: index,
            model_key: `model${index % 50}`,
            needs_key: `needs${index % 50}`,
          })),
        )
        .execute();
      await tx
        .insertInto('media')
        .values(
          slice.map((index) => ({
            ...rows.media,
            ...common(index),
            account_id: `account${index % 50}`,
            hash: `hash${index}`,
            attempt_id: `attempt${index}`,
            state: few(index, 'pending', 'stored') as 'pending',
          })),
        )
        .execute();
      await tx
        .insertInto('attempts')
        .values(
          slice.map((index) => ({
            ...rows.attempts,
            id: `id${index}`,
            generation_id: `id${index}`,
            backend_id: `gpu${index % 10}`,
            status: few(index, 'running', 'succeeded') as 'running',
          })),
        )
        .execute();
    }
  });
}
