/**
 * Child of `sessions.test.ts`: changes one session as fast as it can, and prints `ack N` after each change. Its argument is
 * JSON: { databaseUrl, name: what it counts under, user, changes: how many; 0 for as many as it can until it is killed }.
 */
import { parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import { openDatabase } from '../../src/db/index.js';
import { Sessions } from '../../src/sessions/index.js';

const order = JSON.parse(process.argv[2] ?? '{}') as {
  readonly databaseUrl: string;
  readonly name: string;
  readonly user: string;
  readonly changes: number;
};
const db = await openDatabase({ url: order.databaseUrl, logger: silentLogger });
const settings = parseConfig({}).sessions;
const sessions = new Sessions({ db, clock: systemClock, logger: silentLogger, settings });
const { session } = await sessions.getOrCreate({ platform: 'web', userId: order.user });
console.log('ready');
for (let number = 1; order.changes === 0 || number <= order.changes; number++) {
  await sessions.update(session.id, ({ values }) => ({
    // One that only this process writes, and one that all of them count up.
    values: { [order.name]: number, shared: Number(values['shared'] ?? 0) + 1 },
  }));
  console.log(`ack ${number}`);
}
await db.close();
