import { type ErrorFacts, facts } from './facts.js';

/** Time limits and the life of a generation. */
export const LIFE_CYCLE_ERRORS = {
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
  generation_poisoned: facts(
    false,
    502,
    4,
    'The backend died under the generation again and again, so it is not given to another one.',
    'Read the log of the backends for the cause (a crash of a node, memory), change the graph, and submit anew.',
  ),

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
} as const satisfies Record<string, ErrorFacts>;
