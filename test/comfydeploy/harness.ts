import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach } from 'vitest';
import { ComfyDeployBackend, type ComfyDeployBackendOptions } from '../../src/backends/index.js';
import { parseWebhook } from '../../src/comfydeploy/index.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { type GenerationsOptions, RunReports } from '../../src/generations/index.js';
import { FakeComfyDeploy, type FakeComfyDeployOptions } from '../../src/testing/index.js';
import { useNodes } from '../generations/harness.js';

/** Nodes with a `comfydeploy` backend on a fake server, and what receives webhooks. Everything ends after the test. */
export function useDeployments() {
  const nodes = useNodes();
  const cleanups: (() => Promise<unknown>)[] = [];
  // Declared last, so that it runs first: nodes are stopped by `useNodes` afterwards, and must not meet a closed server.
  const atEnd: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanup of [...cleanups.splice(0).reverse(), ...atEnd.splice(0).reverse()]) await cleanup();
  });
  return {
    async fake(options: FakeComfyDeployOptions = {}): Promise<FakeComfyDeploy> {
      const fake = new FakeComfyDeploy(options);
      await fake.start();
      atEnd.push(() => fake.close());
      return fake;
    },

    /** Listens for webhooks as another node would that shares nothing but the database. */
    async receiver(db: Db): Promise<{ readonly url: string; readonly received: string[] }> {
      const received: string[] = [];
      const server = createServer(async (request, response) => {
        const body = await json(request).catch(() => null);
        const report = parseWebhook(body);
        received.push(`${report?.status}`);
        const token = request.url?.split('/').pop() ?? '';
        const options = { db, clock: systemClock, logger: silentLogger, publicUrl: null, backends: () => [] };
        const isOurs = await new RunReports(options).receive(token, report?.runId ?? null);
        response.writeHead(isOurs ? 204 : 404).end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanups.push(
        () =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      );
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
    },

    async node(
      db: Db,
      fake: FakeComfyDeploy,
      options: {
        readonly publicUrl?: string;
        readonly backend?: Partial<ComfyDeployBackendOptions>;
        readonly generations?: Partial<GenerationsOptions>;
        readonly mediaRoot?: string;
      } = {},
    ) {
      const reports = new RunReports({
        db,
        clock: systemClock,
        logger: silentLogger,
        publicUrl: options.publicUrl ?? null,
        backends: () => [backend],
      });
      const backend: ComfyDeployBackend = new ComfyDeployBackend({
        id: 'cloud',
        baseUrl: fake.url,
        apiKey: fake.apiKey,
        fetch: (url, init) => fetch(url, init),
        webhookOf: (attemptId) => reports.urlOf(attemptId),
        timing: { pollMs: 10, maxPollMs: 50, safetyPollMs: 60_000 },
        lostSubmitGraceMs: 300,
        ...options.backend,
      });
      await backend.start();
      reports.start();
      const node = await nodes.node(db, {
        ...(options.mediaRoot === undefined ? {} : { mediaRoot: options.mediaRoot }),
        ...options.generations,
        backends: [{ backend, concurrency: 2 }],
      });
      const stop = async () => {
        await node.generations.stop();
        await reports.stop();
        await backend.close();
      };
      cleanups.push(stop);
      return { ...node, backend, reports, stop };
    },
  };
}
