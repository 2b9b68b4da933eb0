import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { type PostgresServer, startPostgres } from './postgres.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** GET it: answers with the URL of the shared PostgreSQL server, which starts at the first request. */
    readonly postgresBroker: string;
  }
}

/**
 * Runs once around all test files. It shares one PostgreSQL server among them, started only when a test asks for it and
 * stopped at the end also after failures.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: Promise<PostgresServer> | undefined;
  const broker = createServer((_request, response) => {
    const external = process.env['EASEL_TEST_POSTGRES_URL'];
    if (external) {
      response.end(external);
      return;
    }
    server ??= startPostgres();
    server.then(
      (started) => response.end(started.url('postgres')),
      (error) => {
        response.statusCode = 500;
        response.end(String(error));
      },
    );
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  project.provide('postgresBroker', `http://127.0.0.1:${(broker.address() as AddressInfo).port}/`);
  return async () => {
    broker.closeAllConnections();
    await new Promise((resolve) => broker.close(resolve));
    const external = process.env['EASEL_TEST_POSTGRES_URL'];
    if (external) await dropTemplate(external);
    await server?.then(
      (started) => started.remove(),
      () => {},
    );
  };
}

/** What `databases.ts` made, and nobody else will remove from a server that outlives the tests. */
async function dropTemplate(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(`drop database if exists easel_template_${process.pid} with (force)`);
  } catch (error) {
    process.stderr.write(`the template database could not be removed: ${String(error)}\n`);
  } finally {
    await client.end().catch(() => {});
  }
}
