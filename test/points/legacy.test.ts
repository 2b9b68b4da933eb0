import { expect, test } from 'vitest';
import { importLegacy, parseLegacyDocuments, planLegacyImport, readLegacyFromMongo } from '../../src/points/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ADMIN, makePoints, POINT } from './harness.js';

/** As mongoexport writes it: relaxed and canonical numbers, and what years of bugs left behind. */
const EXPORT = `
{"_id":{"$oid":"64b000000000000000000001"},"userId":"101","points":12.5,"doints":3,"qoints":{"$numberLong":"2000"},"boints":{"$numberInt":"7"},"pendingQoints":50,"exp":{"$numberDouble":"1234.0"},"balance":{"$numberDecimal":"98765.4321"}}
{"_id":{"$oid":"64b000000000000000000002"},"userId":{"$numberLong":"-1001234567890"},"points":{"$numberDouble":"NaN"},"qoints":-40,"exp":"77"}
{"_id":{"$oid":"64b000000000000000000003"},"userId":103,"qoints":NaN,"boints":"lots","doints":-Infinity,"exp":0,"note":"a \\"NaN\\" in text"}
{"_id":{"$oid":"64b000000000000000000004"},"points":1}
{"userId":"101","points":999}
{"points":5}
`;

test('documents are read in every way that MongoDB writes numbers', () => {
  const users = parseLegacyDocuments(EXPORT);
  expect(users.map(({ userId }) => userId)).toEqual([
    '101',
    '-1001234567890',
    '103',
    '64b000000000000000000004',
    '101',
    null,
  ]);
  expect(users[0]?.values).toEqual({
    points: 12.5,
    doints: 3,
    qoints: 2000,
    boints: 7,
    pendingQoints: 50,
    exp: 1234,
    balance: 98765.4321,
  });
  expect(users[2]?.values).toMatchObject({ qoints: Number.NaN, boints: 'lots', doints: Number.NEGATIVE_INFINITY });
  const asArray = `[${EXPORT.trim().split('\n').join(',')}]`;
  expect(parseLegacyDocuments(asArray).map(({ values }) => values)).toEqual(users.map(({ values }) => values));
  expect(parseLegacyDocuments('')).toEqual([]);
  expect(() => parseLegacyDocuments('{"userId":"1"}\nnonsense')).toThrow('Line 2 is no JSON document.');
});

test('what is NaN, negative or nobody’s is listed and not imported', () => {
  const plan = planLegacyImport(parseLegacyDocuments(EXPORT));
  expect(plan.rejects.map(({ line, field, reason }) => [line, field, reason])).toEqual([
    [2, 'points', 'not a number'],
    [2, 'qoints', 'negative'],
    [3, 'doints', 'negative'],
    [3, 'qoints', 'not a number'],
    [3, 'boints', 'not a number'],
    [5, null, 'user appears twice'],
    [6, null, 'no user id'],
  ]);
  expect(plan.totals).toMatchObject({
    points: { target: 'allowance', users: 2, amount: 13_500_000 },
    qoints: { target: 'credit', users: 1, amount: 2000 * POINT },
    pendingQoints: { target: 'ignore', users: 1, amount: 50 * POINT },
    exp: { target: 'experience', users: 2, amount: 1311 * POINT },
    balance: { target: 'ignore', users: 1, amount: 98_765_432_100 },
  });
  const mapped = planLegacyImport(parseLegacyDocuments(EXPORT), { mapping: { points: 'credit' }, pointsPerUnit: 0.1 });
  expect(mapped.grants[0]).toEqual({ accountId: '101', field: 'points', target: 'credit', amount: 1_250_000 });
});

describeEachDatabase('the legacy import', ({ createDb }) => {
  test('is dry at first, reconciles to the last micro-point, and does nothing the second time', async () => {
    const { points } = makePoints(await createDb());
    const plan = planLegacyImport(parseLegacyDocuments(EXPORT));
    const dry = await importLegacy(points, plan, { dryRun: true, authority: ADMIN });
    expect(dry).toMatchObject({ dryRun: true, done: {} });
    expect(await points.history('101')).toMatchObject({ entries: [] });

    const first = await importLegacy(points, plan, { dryRun: false, authority: ADMIN });
    expect(first.reconciled).toBe(true);
    for (const [field, total] of Object.entries(plan.totals)) {
      if (total.target === 'ignore' || total.amount === 0) continue;
      expect(first.done[field as 'exp']).toEqual({ imported: total.amount, earlier: 0, changed: 0, failed: 0 });
    }
    expect(await points.balance('101')).toMatchObject({
      allowance: 15_500_000,
      credit: 2007 * POINT,
      experience: 1234 * POINT,
    });

    const second = await importLegacy(points, plan, { dryRun: false, authority: ADMIN });
    expect(second.done.qoints).toEqual({ imported: 0, earlier: 2000 * POINT, changed: 0, failed: 0 });
    expect(await points.balance('101')).toMatchObject({ credit: 2007 * POINT, experience: 1234 * POINT });

    const later = planLegacyImport(parseLegacyDocuments(EXPORT.replace('"2000"', '"2001"')));
    const third = await importLegacy(points, later, { dryRun: false, authority: ADMIN });
    expect(third).toMatchObject({
      reconciled: false,
      changed: [{ accountId: '101', field: 'qoints', amount: 2001 * POINT }],
    });
    expect(await points.verify()).toMatchObject({ ok: true });
    expect((await points.audit({ accountId: '101' })).map(({ action }) => action)).toEqual(Array(5).fill('grant'));
  });
});

test('reads from a live database through the driver, if there is one', async () => {
  const documents = [{ userId: '7', qoints: 5n }];
  const closed: string[] = [];
  const driver = {
    MongoClient: class {
      async connect() {}
      db = (database?: string) => ({
        collection: (collection: string) => {
          closed.push(`${database}.${collection}`);
          return {
            find: () =>
              (async function* () {
                yield* documents;
              })(),
          };
        },
      });
      async close() {
        closed.push('closed');
      }
    },
    BSON: { EJSON: { stringify: () => '{"userId":"7","qoints":{"$numberLong":"5"}}' } },
  };
  const users = await readLegacyFromMongo('mongodb://host', { database: 'bot', load: async () => driver });
  expect(users).toMatchObject([{ userId: '7', values: { qoints: 5, points: null } }]);
  expect(closed).toEqual(['bot.users_economy', 'closed']);
  await expect(
    readLegacyFromMongo('mongodb://host', { load: () => Promise.reject(new Error('absent')) }),
  ).rejects.toMatchObject({
    code: 'usage_invalid',
    message: 'The package "mongodb" is not installed.',
  });
});
