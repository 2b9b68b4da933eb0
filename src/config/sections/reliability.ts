import { z } from 'zod';
import { count, MINUTE_MS, milliseconds, section } from './fields.js';

/** When work is tried again, and when a backend is left alone: what docs/reliability.md explains. */
export const retrySection = section({
  baseDelayMs: milliseconds(
    500,
    'Upper bound of the pause before the second try; it doubles with each. The pause itself is drawn by lot.',
  ),
  maxDelayMs: milliseconds(MINUTE_MS, 'Longest pause between two tries, unless the backend asks for a longer one.'),
  poisonLimit: count(3, 100, 'So often may a backend die under one piece of work before it is given up.'),
  avoidMs: milliseconds(
    10 * MINUTE_MS,
    'Longest time that work stays away from a backend that failed it, although others are healthy.',
  ),
});

export const circuitSection = section({
  failureThreshold: count(3, 100, 'Failures in a row after which a backend gets no work for a while.'),
  openMs: milliseconds(5_000, 'How long that is at first; it doubles each time.'),
  maxOpenMs: milliseconds(2 * MINUTE_MS, 'How long it is at most, unless the backend asks for longer.'),
  lookEveryMs: milliseconds(30_000, 'Between two looks at a backend that is well.', 100),
  stalledMs: z.int().min(1).max(2_147_483_647).default(MINUTE_MS).meta({
    description:
      'A run that is silent for so long, and three times longer than runs usually take there, makes its backend count as stalled.',
  }),
});
