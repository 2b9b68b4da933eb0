/**
 * Child of `db-durability.test.ts`: writes transactions of two rows each, four at a time, and prints `ack N` after the
 * commit of each. It runs until it is killed. Arguments: the database URL, the name of this run, and `no-fsync` for a
 * SQLite that does not wait for the disk (to show that the test would notice).
 */
import Libsql from 'libsql';
import { silentLogger } from '../../src/core/log.js';
import { migrate, openDatabase } from '../../src/db/index.js';

const [url = '', run = '', mode] = process.argv.slice(2);
let last = 0;

const db = await openDatabase({ url, logger: silentLogger });
await migrate(db);
if (mode === 'no-fsync') {
  await db.close();
  const unsafe = new Libsql(url.replace('sqlite:', ''));
  unsafe.exec('pragma synchronous = off');
  for (;;) {
    const number = ++last;
    unsafe.exec('begin immediate');
    for (const half of ['first', 'second']) {
      unsafe.prepare('insert into locks (name, taken_at) values (?, ?)').run([`${half} ${run}-${number}`, 1]);
    }
    unsafe.exec('commit');
    console.log(`ack ${run}-${number}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function writeOn(): Promise<void> {
  for (;;) {
    const number = ++last;
    await db.transaction(async (tx) => {
      for (const half of ['first', 'second']) {
        await tx
          .insertInto('locks')
          .values({ name: `${half} ${run}-${number}`, taken_at: 1 })
          .execute();
      }
    });
    console.log(`ack ${run}-${number}`);
  }
}
await Promise.all([writeOn(), writeOn(), writeOn(), writeOn()]);
