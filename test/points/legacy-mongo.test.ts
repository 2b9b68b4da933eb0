import { Double, Long } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planLegacyImport, readLegacyFromMongo } from '../../src/points/index.js';
import { describeWithFerretDb, type FerretDb, startFerretDb } from '../helpers/ferretdb.js';

describeWithFerretDb('the legacy import from a live server', () => {
  let server: FerretDb;
  beforeAll(async () => {
    server = await startFerretDb();
  }, 60_000);
  afterAll(() => server?.remove());

  test('reads every document, with numbers of every width', async () => {
    const users = server.client.db('bot').collection('users_economy');
    await users.insertMany([
      { userId: '101', points: 12.5, qoints: Long.fromString('2000'), exp: new Double(1234) },
      { userId: '102', points: 3, qoints: Long.fromString('9007199254740991') },
    ]);
    const read = await readLegacyFromMongo(server.url, { database: 'bot' });
    expect(read.map(({ userId, values }) => [userId, values.points, values.qoints]).sort()).toEqual([
      ['101', 12.5, 2000],
      ['102', 3, Number.MAX_SAFE_INTEGER],
    ]);
    expect(planLegacyImport(read).grants.filter(({ accountId }) => accountId === '101')).toHaveLength(3);
    expect(await users.countDocuments()).toBe(2);
    // More than one batch of the cursor.
    const many = Array.from({ length: 1_000 }, (_, index) => ({ userId: `m${index}`, qoints: index }));
    await server.client.db('bot').collection('many').insertMany(many);
    expect(await readLegacyFromMongo(server.url, { database: 'bot', collection: 'many' })).toHaveLength(1_000);
  }, 30_000);
});
