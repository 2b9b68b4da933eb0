import { afterEach, expect, it } from 'vitest';
import { request } from '../generations/harness.js';
import { type WholeServer, wholeServer } from '../http/whole.js';
import { codeOf, picture } from '../media/harness.js';

const ACCOUNT = 'account-to-forget';

const servers: WholeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Names of the tables in which the account is mentioned. */
function mentions({ easel }: WholeServer): Promise<string[]> {
  return easel.db.snapshot(async (db, { tables }) => {
    const found: string[] = [];
    for (const table of tables) {
      const rows = await db
        .selectFrom(table as 'generations')
        .selectAll()
        .execute();
      if (JSON.stringify(rows).includes(ACCOUNT)) found.push(table);
    }
    return found;
  });
}

it('leaves nothing of an account but what the ledger has booked', async () => {
  const server = await wholeServer({ config: { points: { enabled: true } } });
  servers.push(server);
  const { easel, backend } = server;
  backend.autoFinish = () => [];
  await easel.points.grant({ accountId: ACCOUNT, amount: 1_000_000, idempotencyKey: 'welcome' });
  await easel.keys.create({ accountId: ACCOUNT, name: 'phone' });
  await easel.webhooks.create({
    accountId: ACCOUNT,
    url: 'https://example.org/hook',
    events: ['generation.succeeded'],
  });
  await easel.sessions.getOrCreate({ platform: 'chat', userId: '7', accountId: ACCOUNT });
  await easel.media.put(ACCOUNT, await picture());
  await easel.db.transaction(async (tx) => {
    const { sampleRows } = await import('../db/rows.js');
    const rows = sampleRows();
    await tx.insertInto('workflows').values(rows.workflows).execute();
    await tx
      .insertInto('workflow_seeds')
      .values({ ...rows.workflow_seeds, account_id: ACCOUNT })
      .execute();
  });
  const { id } = await easel.generations.submit(request({ accountId: ACCOUNT }));
  await easel.generations.wait(id, ACCOUNT);
  expect(await mentions(server)).toEqual(
    expect.arrayContaining([
      'api_keys',
      'generations',
      'media',
      'session_identities',
      'webhook_endpoints',
      'workflow_seeds',
    ]),
  );

  expect(await easel.removeAccount(ACCOUNT)).toMatchObject({ generations: 1 });
  // The event that the session is gone stays a while, for the other nodes.
  const left = (await mentions(server)).filter((table) => !table.startsWith('point_') && table !== 'session_events');
  expect(left).toEqual([]);
  expect(await codeOf(easel.generations.get(id, ACCOUNT))).toBe('not_found');
});
