import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import { behindProxy, commitDetector } from '../helpers/behind-proxy.js';
import { makeKit } from '../helpers/databases.js';
import { postgresAvailability } from '../helpers/postgres.js';
import { ADMIN, makePoints, POINT } from './harness.js';

const availability = postgresAvailability();
if (!availability.available) process.stderr.write(`skipped: lost answers to COMMIT: ${availability.reason}\n`);

const OPTIONS = { logger: silentLogger, random: () => 0 };

describe.runIf(availability.available)('a COMMIT without an answer', () => {
  const { createDatabase } = makeKit('postgres');

  test.each(['drop', 'drop-answer'] as const)(
    'moves points once, and the caller need not know (%s)',
    async (decision) => {
      await behindProxy(await createDatabase(), OPTIONS, async (db, direct, proxy) => {
        const { points } = makePoints(db);
        const isCommit = commitDetector();
        let lost = 0;
        let isArmed = false;
        proxy.onRequest = (bytes) => {
          if (!isCommit(bytes) || !isArmed) return 'pass';
          isArmed = false;
          lost += 1;
          return decision;
        };
        const unlucky = <T>(write: () => Promise<T>): Promise<T> => {
          isArmed = true;
          return write();
        };
        const account = { accountId: 'ann' };
        await unlucky(() => points.grant({ ...account, amount: 10 * POINT, idempotencyKey: 'g', authority: ADMIN }));
        const { holdId } = await unlucky(() => points.hold({ ...account, amount: 4 * POINT, idempotencyKey: 'h' }));
        await unlucky(() => points.capture({ holdId, amount: 3 * POINT, idempotencyKey: 'c' }));
        await unlucky(() => points.refund({ holdId, amount: POINT, idempotencyKey: 'r' }));
        expect(lost).toBe(4);
        const { credit, held } = await makePoints(direct).points.balance('ann');
        expect({ credit, held }).toEqual({ credit: 8 * POINT, held: 0 });
      });
    },
  );
});
