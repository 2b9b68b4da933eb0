import { type ErrorFacts, facts } from './facts.js';

/** Sessions and the waiting room. */
export const SESSION_ERRORS = {
  session_limit: facts(
    false,
    422,
    2,
    'The session cannot hold that: a value is too large or has no JSON form, or there are too many.',
    'Store less, or raise the limits in the configuration (`sessions`).',
  ),
  session_conflict: facts(
    false,
    409,
    2,
    'Somebody else has changed the session since the revision that the request names.',
    'Read the session, and decide again.',
  ),
  session_identity_taken: facts(
    false,
    409,
    2,
    'This user of the platform belongs to another account.',
    'Link the two accounts by a code.',
  ),
  session_code_invalid: facts(
    false,
    422,
    2,
    'The code is wrong, was used, or is too old.',
    'Ask for a new code on the other platform.',
  ),
  session_code_attempts: facts(
    true,
    429,
    2,
    'Too many wrong codes from this user.',
    'Wait as long as `Retry-After` says, and ask for a new code.',
  ),
  session_link_refused: facts(
    false,
    409,
    2,
    'The two accounts cannot become one, because both own something, or because one is at work.',
    'Wait until its generations have ended, or empty the account that is to go.',
  ),
  account_merged: facts(
    false,
    409,
    2,
    'The guest has become part of another account.',
    'Use the account that the answer names; the session names it too.',
  ),
  waiting_room_full: facts(
    true,
    429,
    2,
    'So many generations of this account or session are waiting or running that no other is accepted.',
    'Wait as long as `Retry-After` says, or cancel one that waits.',
  ),
} as const satisfies Record<string, ErrorFacts>;
