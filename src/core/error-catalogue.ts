/**
 * The single place that says, per error code, whether trying again can help, which HTTP status it maps to, which exit code
 * the command line uses, and what to do about it. `docs/errors.md` is generated from it and a test checks that both agree.
 *
 * Exit codes: 0 done, 1 unexpected fault in Easel, 2 bad usage or bad input, 3 the backend refused or could not run the
 * graph, 4 the backend could not be reached or is not a ComfyUI, 5 a time limit passed, 130 cancelled by the user.
 */
interface ErrorFacts {
  /** Can the same request succeed later without being changed? */
  readonly retryable: boolean;
  readonly httpStatus: number;
  readonly exitCode: number;
  /** One sentence that says what happened, in general. */
  readonly summary: string;
  /** The way out, used when the place that raises the error knows nothing better. */
  readonly hint: string;
}

const facts = (
  retryable: boolean,
  httpStatus: number,
  exitCode: number,
  summary: string,
  hint: string,
): ErrorFacts => ({
  retryable,
  httpStatus,
  exitCode,
  summary,
  hint,
});

export const ERROR_CATALOGUE = {
  // Usage and configuration
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

  // Files and graphs
  file_unreadable: facts(false, 400, 2, 'The file cannot be read.', 'Check the path and its permissions.'),
  file_not_a_workflow: facts(
    false,
    400,
    2,
    'The file holds no ComfyUI workflow.',
    'Give a workflow saved by ComfyUI (UI or API format), or a PNG or WebP with an embedded one.',
  ),
  graph_invalid: facts(
    false,
    422,
    2,
    'The graph is malformed.',
    'Every node needs a string `class_type` and an object `inputs`.',
  ),
  graph_unconvertible: facts(
    false,
    422,
    2,
    'A node of the workflow cannot be converted to API format.',
    'Export the workflow in API format from ComfyUI, or report the file.',
  ),
  graph_input_unknown: facts(
    false,
    422,
    2,
    'The graph has no such node or input.',
    'Run `easel inspect FILE` to list nodes and inputs.',
  ),
  graph_input_invalid: facts(
    false,
    422,
    2,
    'A value does not fit the input.',
    'Run `easel inspect FILE` to see types and limits.',
  ),

  // What a backend says about a graph: never retried
  backend_rejected_graph: facts(false, 422, 3, 'The backend refused the graph.', 'Correct the named node and input.'),
  backend_node_missing: facts(
    false,
    422,
    3,
    'The backend does not have a node class that the graph uses.',
    'Install the custom node on the backend, or choose another backend.',
  ),
  backend_model_missing: facts(
    false,
    422,
    3,
    'The backend does not have a file that the graph names.',
    'Put the file into the model folder of the backend, or choose one that it has.',
  ),
  node_failed: facts(
    false,
    422,
    3,
    'A node raised an exception while the graph ran.',
    'Read the exception; it comes from the node, not from Easel.',
  ),
  out_of_memory: facts(
    true,
    503,
    3,
    'The backend ran out of memory.',
    'Use a smaller size or batch, or a backend with more memory.',
  ),
  outputs_missing: facts(
    false,
    422,
    3,
    'The graph ran to its end but produced no output file.',
    'Add a save node, or check that the save node is not muted.',
  ),

  // Faults on the way to a backend: retried
  backend_unreachable: facts(
    true,
    503,
    4,
    'The backend cannot be reached.',
    'Check that ComfyUI is running and the URL is right; `easel doctor --backend URL` tests it.',
  ),
  backend_not_comfyui: facts(
    false,
    502,
    4,
    'The server at this address does not speak the ComfyUI protocol.',
    'Check the URL and port; ComfyUI listens on 8188 by default.',
  ),
  backend_protocol: facts(
    true,
    502,
    4,
    'The backend sent something that the protocol does not allow.',
    'Check what stands between Easel and ComfyUI (a proxy, a login page).',
  ),
  backend_unauthorized: facts(
    false,
    502,
    4,
    'The backend asks for credentials, or refuses ours.',
    'Set the credentials of this backend in the configuration.',
  ),
  backend_overloaded: facts(true, 503, 4, 'The backend answered that it is too busy.', 'Try again later.'),
  backend_failed: facts(true, 502, 4, 'The backend answered with a server error.', 'Look into the log of the backend.'),
  backend_lost_run: facts(
    true,
    502,
    4,
    'The backend no longer knows the run: it restarted, or somebody deleted it.',
    'Submit again; Easel does so by itself while attempts remain.',
  ),
  backend_interrupted: facts(true, 502, 3, 'Somebody interrupted the run on the backend.', 'Submit again.'),
  output_unavailable: facts(
    true,
    502,
    4,
    'The backend reported an output file but does not deliver it.',
    'Submit again; check the output folder of the backend.',
  ),

  // Time limits
  queue_timeout: facts(
    true,
    504,
    5,
    'No backend took the generation before its queue deadline.',
    'Add backends, or raise the queue deadline.',
  ),
  run_timeout: facts(
    true,
    504,
    5,
    'The run did not end before its deadline, or went silent for too long.',
    'Raise the run limit of the workflow, or look at the backend.',
  ),
  collect_timeout: facts(
    true,
    504,
    5,
    'The outputs could not be fetched before the deadline.',
    'Look at the connection to the backend.',
  ),
  wait_timeout: facts(
    true,
    504,
    5,
    'The generation has not ended within the time you were willing to wait; it goes on.',
    'Wait again, or follow its events.',
  ),
  attempts_exhausted: facts(
    false,
    502,
    4,
    'The generation failed on every attempt that it was allowed.',
    'Read the error of the last attempt.',
  ),

  // Life cycle
  cancelled: facts(false, 409, 130, 'The generation was cancelled.', 'Submit again if you still want it.'),
  transition_illegal: facts(
    false,
    409,
    1,
    'The generation is not in a state that allows this.',
    'Read its status first.',
  ),
  lease_lost: facts(
    true,
    503,
    1,
    'Another node owns this backend now, so this node may not write.',
    'Nothing to do: the owner carries on.',
  ),
  shutting_down: facts(
    true,
    503,
    1,
    'This node is stopping.',
    'Try again; another node or the restarted one will answer.',
  ),

  // Points
  points_insufficient: facts(
    false,
    402,
    2,
    'The account has too few points for this.',
    'Add points to the account, or wait until its allowance has come back.',
  ),
  points_budget_exceeded: facts(
    false,
    402,
    2,
    'A budget of the account or of its key would be exceeded.',
    'Raise the budget, or wait for its next period.',
  ),
  points_plan_limit: facts(
    false,
    403,
    2,
    "The request is larger than the account's plan allows.",
    'Ask for less, or choose a larger plan.',
  ),
  points_hold_ended: facts(
    false,
    409,
    1,
    'The hold was captured or released before.',
    'Read the history of the account: it says what became of the hold.',
  ),
  points_refund_excessive: facts(
    false,
    422,
    2,
    'A refund would give back more than was captured.',
    'Refund at most what was captured, less earlier refunds.',
  ),

  // Storage
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

  internal: facts(false, 500, 1, 'Something went wrong inside Easel.', 'Please report it with the log.'),
} as const satisfies Record<string, ErrorFacts>;
