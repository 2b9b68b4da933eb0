import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyContextConfig, FastifyInstance } from 'fastify';
import { ALL_SCOPES, type Scope } from '../../src/access/index.js';
import { parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { type Logger, silentLogger } from '../../src/core/log.js';
import { createEasel, type Easel } from '../../src/easel.js';
import { createHttpServer, type HttpServerOptions } from '../../src/http/index.js';
import { FakeBackend } from '../../src/testing/index.js';

export interface WholeServer {
  readonly easel: Easel;
  readonly app: FastifyInstance;
  readonly backend: FakeBackend;
  /** Every route that the server has. */
  readonly routes: readonly { readonly method: string; readonly url: string; readonly config: FastifyContextConfig }[];
  /** Headers of a key of an account; all scopes unless told. */
  keyOf(accountId: string, scopes?: readonly Scope[]): Promise<{ readonly authorization: string }>;
  close(): Promise<void>;
}

/** The API over a whole Easel with a fake backend and a database of its own. Close it. */
export async function wholeServer(
  options: Partial<HttpServerOptions> & { readonly config?: object; readonly logger?: Logger } = {},
): Promise<WholeServer> {
  const folder = mkdtempSync(join(tmpdir(), 'easel-whole-'));
  const { config = {}, logger = silentLogger, ...http } = options;
  const backend = new FakeBackend();
  const easel = await createEasel(parseConfig({ dataDir: folder, ...config }), {
    logger,
    backends: [backend],
  });
  await easel.start();
  const routes: { method: string; url: string; config: FastifyContextConfig }[] = [];
  const app = createHttpServer({
    easel,
    logger,
    clock: systemClock,
    onRoute: (route) => {
      for (const method of [route.method].flat()) routes.push({ method, url: route.url, config: route.config ?? {} });
    },
    ...http,
  });
  await app.ready();
  return {
    easel,
    app,
    backend,
    routes,
    async keyOf(accountId, scopes = ALL_SCOPES) {
      const { secret } = await easel.keys.create({ accountId, name: 'test', scopes });
      return { authorization: `Bearer ${secret}` };
    },
    async close() {
      await app.close();
      await easel.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
