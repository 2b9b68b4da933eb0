import { count, MINUTE_MS, milliseconds, section } from './fields.js';

/** Webhooks: what docs/webhooks.md explains. */
export const webhooksSection = section({
  timeoutMs: milliseconds(
    15_000,
    'Longest time of one try, from the look-up of the name to the end of the answer.',
    100,
  ),
  keepDays: count(30, 3650, 'Deliveries that have ended, and their log, are kept for so long.'),
  sweepMs: milliseconds(60 * MINUTE_MS, 'Pause between two sweeps of old deliveries.', 1000),
});
