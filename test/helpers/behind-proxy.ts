import { type Db, type OpenDatabaseOptions, openDatabase } from '../../src/db/index.js';
import type { TestDatabase } from './databases.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';

/** A PostgreSQL database through a proxy that breaks connections when told; `direct` goes around it. */
export async function behindProxy(
  database: TestDatabase,
  options: Omit<OpenDatabaseOptions, 'url'>,
  work: (db: Db, direct: Db, proxy: TcpProxy) => Promise<void>,
): Promise<void> {
  const direct = await database.open();
  const url = new URL(database.url);
  const proxy = await startTcpProxy(Number(url.port));
  url.port = String(proxy.port);
  const db = await openDatabase({ url: url.href, ...options });
  try {
    await work(db, direct, proxy);
  } finally {
    await db.close();
    await proxy.close();
  }
}
