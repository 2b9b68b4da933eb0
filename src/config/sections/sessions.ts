import { z } from 'zod';
import { bytes, count, MINUTE_MS, milliseconds, section } from './fields.js';

/** Sessions and the waiting room: what docs/sessions.md explains. */
const places = (description: string) => z.int().min(1).max(1_000_000).optional().meta({ description });

const limits = (description: string, defaults: { readonly maxQueued?: number; readonly maxOpen?: number } = {}) =>
  z
    .strictObject({
      maxQueued: places('Most that wait at a time.'),
      maxOpen: places('Most that wait and run at a time.'),
    })
    .default(defaults)
    .meta({ description });

export const sessionsSection = section({
  idleMs: milliseconds(15 * MINUTE_MS, 'A session that nobody touches for so long is over, and deleted.', 1000),
  platforms: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'expected the name of a platform, for example "telegram"'),
      z.strictObject({ idleMs: z.int().min(1000).max(2_147_483_647).optional() }),
    )
    .default({})
    .meta({ description: 'By name of a platform: `idleMs`, where it differs.' }),
  maxValueBytes: bytes(16 * 1024, 'Largest single value of a session, as JSON.'),
  maxValues: count(100, 10_000, 'Values per session.'),
  maxTotalBytes: bytes(256 * 1024, 'All values of a session together, as JSON.'),
  maxRecentInputs: count(20, 1000, 'Of so many workflows an account’s last inputs are remembered.'),
  linkCodeMs: milliseconds(10 * MINUTE_MS, 'How long a code that links two platforms works.', 1000),
  maxCodeAttempts: count(5, 100, 'Wrong codes of one user within that time.'),
  sweepMs: milliseconds(10_000, 'Pause between two sweeps of expired sessions.', 100),
  waitingRoom: section({
    account: limits(
      'Generations of an account: `maxQueued` (waiting) and `maxOpen` (waiting and running together). No limit unless given; the perks of a plan go before.',
    ),
    session: limits('The same for what is submitted from one session.'),
    guest: limits('The same for a guest, in place of those of `account`: 3 and 4 unless given.', {
      maxQueued: 3,
      maxOpen: 4,
    }),
  }),
});
