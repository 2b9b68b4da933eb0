import { type ErrorFacts, facts } from './facts.js';

/** Media: intake, derived files, quotas, and addresses that Easel is asked to call. */
export const MEDIA_ERRORS = {
  outbound_forbidden: facts(
    false,
    422,
    2,
    'The address is not one that Easel may call.',
    'Give an http or https address on the public internet; whoever runs Easel can allow others with `outbound.allow`.',
  ),
  outbound_refused: facts(
    false,
    422,
    2,
    'The other server gave an answer that cannot be taken.',
    'Open the address in a browser and give the one that leads to the file itself.',
  ),
  outbound_failed: facts(
    true,
    502,
    4,
    'The other server cannot be reached, or its answer broke off.',
    'Check the address, and try again later.',
  ),
  outbound_timeout: facts(
    true,
    504,
    5,
    'The other server took longer than Easel is willing to wait.',
    'Try again later, or send the file itself.',
  ),
} as const satisfies Record<string, ErrorFacts>;
