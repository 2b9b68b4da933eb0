import { expect, test } from 'vitest';
import { type DbTransaction, prepared } from '../../src/db/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { backendRow } from './rows.js';

const insert = (tx: DbTransaction, id: string) => tx.insertInto('backends').values(backendRow(id)).execute();

describeEachDatabase('prepared queries', ({ createDb }) => {
  test('are built once, and answer what their values say each time', async () => {
    const db = await createDb();
    await db.transaction((tx) => Promise.all(['a', 'b', 'c'].map((id) => insert(tx, id))));
    let built = 0;
    const after = prepared((reader, { id, limit }: { readonly id: string; readonly limit: number }) => {
      built += 1;
      return reader.selectFrom('backends').select('id').where('id', '>', id).orderBy('id').limit(limit);
    });
    expect(await after.rows(db.kysely, { id: 'a', limit: 5 })).toEqual([{ id: 'b' }, { id: 'c' }]);
    expect(await after.first(db.kysely, { id: 'b', limit: 1 })).toEqual({ id: 'c' });
    expect(await after.first(db.kysely, { id: 'c', limit: 1 })).toBeUndefined();
    expect(built).toBe(1);
  });

  test('write in a transaction, null as well, and say how much', async () => {
    const db = await createDb();
    await db.transaction((tx) => insert(tx, 'a'));
    const own = prepared((tx, values: { readonly id: string; readonly node: string | null }) =>
      tx
        .updateTable('backends')
        .set((eb) => ({ owner_node: eb.fn.coalesce(eb.val(values.node), 'owner_node') }))
        .where('id', '=', values.id),
    );
    expect(await db.transaction((tx) => own.affected(tx, { id: 'a', node: 'n1' }))).toBe(1);
    expect(await db.transaction((tx) => own.affected(tx, { id: 'a', node: null }))).toBe(1);
    expect(await db.transaction((tx) => own.affected(tx, { id: 'b', node: 'n1' }))).toBe(0);
    expect(await db.kysely.selectFrom('backends').select('owner_node').execute()).toEqual([{ owner_node: 'n1' }]);
  });

  test('have their own constants in the text, whatever is in them, and only values as parameters', async () => {
    const db = await createDb();
    const name = 'it\'s \\ a "test"? $1';
    await db.transaction((tx) => Promise.all([insert(tx, name), insert(tx, 'b'), insert(tx, 'c')]));
    let text = '';
    const listed = prepared((reader, { epoch }: { readonly epoch: number }) => {
      const query = reader
        .selectFrom('backends')
        .select((eb) => ['id', eb.val(7).as('seven'), eb.val(null).as('nothing')])
        .where('id', 'in', [name, 'c'])
        .where('epoch', '>=', epoch)
        .orderBy('id', 'desc')
        .limit(2);
      text = query.compile().sql;
      return query;
    });
    expect(await listed.rows(db.kysely, { epoch: 0 })).toEqual([
      { id: name, seven: 7, nothing: null },
      { id: 'c', seven: 7, nothing: null },
    ]);
    expect(text).toContain("it''s");
    expect(text.replaceAll(/'(?:[^']|'')*'/g, '').match(/\?|\$\d/g)).toHaveLength(1);
  });

  test('refuse a value that no database holds, and one that is missing', async () => {
    const db = await createDb();
    const byId = prepared((reader, { id }: { readonly id: string }) =>
      reader.selectFrom('backends').select('id').where('id', '=', id),
    );
    await expect(byId.rows(db.kysely, { id: '\0' })).rejects.toMatchObject({ code: 'request_invalid' });
    await expect(byId.rows(db.kysely, {} as never)).rejects.toThrow('undefined');
  });

  test('that give rows do not say how much they wrote, and not 0 either', async () => {
    const db = await createDb();
    const read = prepared((reader, { id }: { readonly id: string }) =>
      reader.selectFrom('backends').select('id').where('id', '=', id),
    );
    await expect(read.affected(db.kysely, { id: 'a' })).rejects.toThrow('without RETURNING');
  });

  test('cannot be built from a look at a value', async () => {
    const db = await createDb();
    const peeking = prepared((reader, { epoch }: { readonly epoch: number }) =>
      reader
        .selectFrom('backends')
        .select('id')
        .where('epoch', '=', epoch + 1),
    );
    await expect(peeking.rows(db.kysely, { epoch: 1 })).rejects.toThrow('The value epoch of a prepared query');
  });
});
