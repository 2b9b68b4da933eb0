import { type ErrorFacts, facts } from './facts.js';

/** Database and stored files. */
export const STORAGE_ERRORS = {
  database_unavailable: facts(
    true,
    503,
    1,
    'The database cannot be reached or opened.',
    'Check the database URL and its permissions.',
  ),
  database_conflict: facts(true, 503, 1, 'The database gave up after repeated conflicts.', 'Try again.'),
  database_schema: facts(
    false,
    500,
    1,
    'The database has a schema that this version does not understand.',
    'Run the newest Easel that used this database.',
  ),
  storage_failed: facts(
    true,
    503,
    1,
    'A file could not be stored.',
    'Check free space and permissions of the data folder.',
  ),
  media_invalid: facts(
    false,
    422,
    2,
    'The file is not of a kind that is accepted here.',
    'Send a JPEG, PNG, WebP, GIF or AVIF image.',
  ),
} as const satisfies Record<string, ErrorFacts>;
