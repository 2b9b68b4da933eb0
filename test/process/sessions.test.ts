import { beforeAll, expect, test } from 'vitest';
import { VirtualClock } from '../../src/testing/index.js';
import { bundleChild, Child } from '../helpers/child.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { makeSessions } from '../sessions/harness.js';

/** Sessions and processes: what one has acknowledged is there when it is dead, and two lose nothing of each other. */
describeEachDatabase('sessions of several processes', ({ createDatabase }) => {
  let node: string;
  beforeAll(async () => {
    node = await bundleChild('test/process/session-node.ts');
  });
  const start = (order: object) => new Child(node, [JSON.stringify(order)]);

  test('two processes change one session, and lose no update', { timeout: 60_000 }, async () => {
    const { url: databaseUrl, open } = await createDatabase();
    const changes = 60;
    const children = ['one', 'two'].map((name) => start({ databaseUrl, name, user: 'ann', changes }));
    for (const child of children) expect(await child.exited, child.stderr).toEqual({ code: 0, signal: null });
    const { sessions } = makeSessions(await open(), { clock: new VirtualClock(Date.now()) });
    const [session] = await sessions.list();
    expect(session?.values).toEqual({ one: changes, two: changes, shared: 2 * changes });
    expect(session?.revision).toBe(1 + 2 * changes);
  });

  test('kill -9 of a node, again and again: another goes on with the session, and nothing acknowledged is lost', {
    timeout: 120_000,
  }, async () => {
    const { url: databaseUrl, open } = await createDatabase();
    const { sessions } = makeSessions(await open(), { clock: new VirtualClock(Date.now()) });
    let acknowledged = 0;
    for (let round = 1; round <= 6; round++) {
      const child = start({ databaseUrl, name: `round-${round}`, user: 'ann', changes: 0 });
      await child.count(2 + round * 5);
      await child.kill('SIGKILL');
      const own = child.lines.filter((line) => line.startsWith('ack ')).length;
      acknowledged += own;
      const { values } = (await sessions.find('web', 'ann'))!;
      // One more may have been committed whose acknowledgement was never printed.
      expect(values[`round-${round}`]).toBeGreaterThanOrEqual(own);
      expect(values[`round-${round}`]).toBeLessThanOrEqual(own + 1);
      expect(Number(values['shared'])).toBeGreaterThanOrEqual(acknowledged);
      acknowledged = Number(values['shared']);
    }
  });
});
