import { type ErrorFacts, facts } from './facts.js';

/** Usage, configuration and requests. */
export const USAGE_ERRORS = {
  usage_invalid: facts(false, 400, 2, 'The command line could not be understood.', 'Run the command with --help.'),
  config_invalid: facts(
    false,
    500,
    2,
    'A setting is unknown or has an unusable value.',
    'Run `easel config` to see every setting and where it came from.',
  ),
  request_invalid: facts(
    false,
    400,
    2,
    'The request does not have the expected shape.',
    'Compare the request with the API reference.',
  ),
  not_found: facts(false, 404, 2, 'No such object, or it belongs to another account.', 'Check the id.'),
  idempotency_conflict: facts(
    false,
    409,
    2,
    'This idempotency key was already used with a different request.',
    'Use a new key for a new request.',
  ),
  payload_too_large: facts(
    false,
    413,
    2,
    'The request or file is larger than the limit.',
    'Send less, or raise the limit in the configuration.',
  ),
  media_type_unsupported: facts(
    false,
    415,
    2,
    'The body is of a type that is not accepted here.',
    'Send JSON with `Content-Type: application/json`; send a file as the raw body of POST /v1/media.',
  ),
  range_unsatisfiable: facts(
    false,
    416,
    2,
    'The requested range lies outside of the file.',
    'Ask for a range within the size that `Content-Range` tells.',
  ),
  origin_forbidden: facts(
    false,
    403,
    2,
    'The request came under a host name, or from a web page, that is not allowed here.',
    'Call Easel by the address that it listens on, and not from the page of another site.',
  ),

  internal: facts(false, 500, 1, 'Something went wrong inside Easel.', 'Please report it with the log.'),
} as const satisfies Record<string, ErrorFacts>;
