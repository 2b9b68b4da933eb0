import { type ErrorFacts, facts } from './facts.js';

/** What a backend says about a graph (never retried), and faults on the way to it (retried). */
export const BACKEND_ERRORS = {
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
} as const satisfies Record<string, ErrorFacts>;
