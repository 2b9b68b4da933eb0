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
  media_too_complex: facts(
    false,
    422,
    2,
    'The picture has more pixels or frames than is allowed.',
    'Send a smaller one; the limits are `media.maxMegapixels` and `media.maxFrames`.',
  ),
  media_quota_exceeded: facts(
    false,
    403,
    2,
    'The account has no room left for files.',
    'Remove files that are not needed any more.',
  ),
  media_in_use: facts(
    false,
    409,
    2,
    'A generation that has not ended needs the file.',
    'Wait for its end, or cancel it.',
  ),
  media_underivable: facts(
    false,
    422,
    2,
    'This cannot be made from a file of this kind.',
    'Derive from a picture, or take a frame of a video.',
  ),
  media_tool_missing: facts(
    false,
    501,
    1,
    'A program that this needs is not installed.',
    'Install ffmpeg, or name it with `media.ffmpeg`.',
  ),
  media_link_invalid: facts(false, 403, 2, 'The signed address is not valid, or not any more.', 'Ask for a new one.'),
} as const satisfies Record<string, ErrorFacts>;
