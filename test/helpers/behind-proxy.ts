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

/** Knows COMMIT among what the client sends: by its text, or later by the name under which it was prepared. */
export function commitDetector(): (bytes: Buffer) => boolean {
  let name: string | undefined;
  return (bytes) => {
    const text = bytes.toString('latin1');
    name ??= /(easel_\d+)\0commit\0/.exec(text)?.[1];
    return text.includes('commit\0') || (name !== undefined && text.includes(`\0${name}\0`));
  };
}
