import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import { FakeBackend } from '../../src/testing/index.js';
import { behindProxy, commitDetector } from '../helpers/behind-proxy.js';
import { makeKit } from '../helpers/databases.js';
import { postgresAvailability } from '../helpers/postgres.js';
import { ACCOUNT, request, useNodes } from './harness.js';

const availability = postgresAvailability();
if (!availability.available) process.stderr.write(`skipped: lost answers to COMMIT: ${availability.reason}\n`);

const DAY_MS = 24 * 60 * 60_000;
const OPTIONS = { logger: silentLogger, random: () => 0 };

/** Whichever COMMIT of a generation's life loses its connection, before or after the server has done it. */
describe.runIf(availability.available)('a COMMIT without an answer', () => {
  const { createDatabase } = makeKit('postgres');
  const { node } = useNodes();

  test.each(['drop', 'drop-answer'] as const)(
    'of a submit under a key is made again, and is one submit (%s)',
    async (decision) => {
      await behindProxy(await createDatabase(), OPTIONS, async (db, direct, proxy) => {
        // The node commits nothing else meanwhile.
        const { generations } = await node(db, { backends: [], timing: { tickMs: DAY_MS, leaseMs: DAY_MS } });
        const isCommit = commitDetector();
        let isArmed = false;
        proxy.onRequest = (bytes) => {
          if (!isCommit(bytes) || !isArmed) return 'pass';
          isArmed = false;
          return decision;
        };
        for (const idempotencyKey of ['first', 'second', 'third']) {
          isArmed = true;
          const { id } = await generations.submit(request({ idempotencyKey }));
          expect(isArmed).toBe(false);
          const query = direct.kysely.selectFrom('generations').select('id');
          expect(await query.where('idempotency_key', '=', idempotencyKey).execute()).toEqual([{ id }]);
        }
        isArmed = true;
        await expect(generations.submit(request())).rejects.toMatchObject({
          code: 'database_unavailable',
          retryable: false,
          details: { commit: 'unknown' },
        });
      });
    },
  );

  test.each(['drop', 'drop-answer'] as const)(
    'neither fails a generation nor runs it twice (%s)',
    async (decision) => {
      await behindProxy(await createDatabase(), OPTIONS, async (db, direct, proxy) => {
        const isCommit = commitDetector();
        let left = Number.POSITIVE_INFINITY;
        let seen = 0;
        proxy.onRequest = (bytes) => {
          if (!isCommit(bytes)) return 'pass';
          seen += 1;
          left -= 1;
          return left === 0 ? decision : 'pass';
        };
        const submitter = await node(direct, { backends: [] });
        const { backend } = await node(db, {
          backend: new FakeBackend(),
          mediaRoot: submitter.mediaRoot,
          // A lease that runs out would hide what is looked for here: that the work goes on by itself.
          timing: { leaseMs: 60_000 },
        });
        backend.autoFinish = () => [backend.addFile('a.png', Buffer.from('picture'))];
        const runOne = async () => {
          const { id } = await submitter.generations.submit(request());
          return submitter.generations.wait(id, ACCOUNT);
        };
        seen = 0;
        await runOne();
        const commits = seen;
        expect(commits).toBeGreaterThan(2);
        for (let which = 1; which <= commits; which += 1) {
          const before = backend.accepted.length;
          left = which;
          const { status, error, outputs } = await runOne();
          const expected = { which, status: 'succeeded', error: null, outputs: 1 };
          expect({ which, status, error, outputs: outputs.length }).toEqual(expected);
          left = Number.POSITIVE_INFINITY;
          expect(backend.accepted.length - before).toBe(1);
        }
      });
    },
    60_000,
  );
});
