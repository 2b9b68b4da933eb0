import type { ComfyDeployClient, Run, RunRow } from '../comfydeploy/index.js';
import type { CallOptions } from '../comfyui/index.js';
import type { Clock } from '../core/clock.js';
import { BackendError } from '../core/errors.js';
import type { KnownRun } from './comfydeploy-runs.js';

/**
 * Which run is ours, when the answer to the submit was lost. ComfyDeploy chooses run ids and takes no idempotency key, so
 * every submit carries a mark: an input that no node has, which the server stores with the run and otherwise ignores
 * (comfydeploy.md 2.4, 3.1), and the webhook URL with its secret path, where there is one.
 *
 * - a run bears our mark                             it is ours: certain
 * - a complete list of the deployment's runs, read
 *   `graceMs` after the submit, without the mark     it does not exist: as certain as anything can be; what is left is a
 *                                                    request that hung in some proxy for longer than `graceMs`
 * - no list, an incomplete one, or too early         not known: `submit_uncertain`, and nothing is sent again
 */
export const MARK_INPUT = 'easel_attempt';

export interface SearchContext {
  readonly client: ComfyDeployClient;
  readonly clock: Clock;
  readonly graceMs: number;
  readonly webhookOf: (attemptId: string) => Promise<string | null>;
}

/** Clocks differ: a run that was made this long before our submit may still be ours. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** A list of this length may have been cut, although the protocol knows no limit. */
const PERHAPS_CUT = 50;
const MAX_READS = 25;

/** The run, or null when it certainly does not exist. Throws `submit_uncertain`, and what the requests throw. */
export async function searchRun(context: SearchContext, known: KnownRun, options: CallOptions): Promise<Run | null> {
  const reported = await readReported(context, known, options);
  if (reported !== null) return reported;
  const { deploymentId, sentAt } = known;
  // Nobody stored anything of it: it was not sent by us.
  if (deploymentId === null || sentAt === null) return null;
  const rows = await context.client.runsOf(deploymentId, options);
  if (rows === null) throw uncertain(known, 'this API has no list of runs');
  const found = await matchRow(context, known, rows, sentAt, options);
  if (found !== null) return found;
  if (rows.length >= PERHAPS_CUT && rows.every((row) => row.created_at !== null && row.created_at > sentAt))
    throw uncertain(known, 'the list of runs does not reach back to the submit');
  if (context.clock.now() - sentAt < context.graceMs) throw uncertain(known, 'the request may still be on its way');
  return null;
}

async function readReported(context: SearchContext, known: KnownRun, options: CallOptions): Promise<Run | null> {
  for (const runId of known.reportedRunIds) {
    const run = await context.client.run(runId, options);
    const webhook = await context.webhookOf(known.attemptId);
    known.reportedRunIds.delete(runId);
    if (run !== null && (isMarked(run, known.attemptId, webhook) || tellsNothing(run))) return run;
    known.foreignRunIds.add(runId);
  }
  return null;
}

async function matchRow(
  context: SearchContext,
  known: KnownRun,
  rows: readonly RunRow[],
  sentAt: number,
  options: CallOptions,
): Promise<Run | null> {
  const webhook = await context.webhookOf(known.attemptId);
  const candidates = rows.filter(
    (row) => !known.foreignRunIds.has(row.id) && (row.created_at === null || row.created_at >= sentAt - CLOCK_SKEW_MS),
  );
  let reads = 0;
  for (const row of candidates) {
    if (!tellsNothing(row) && !isMarked(row, known.attemptId, webhook)) {
      known.foreignRunIds.add(row.id);
      continue;
    }
    if (reads >= MAX_READS) throw uncertain(known, 'many runs of the deployment are still to be looked at');
    reads += 1;
    const run = await context.client.run(row.id, options);
    if (run !== null && isMarked(run, known.attemptId, webhook)) return run;
    known.foreignRunIds.add(row.id);
  }
  return null;
}

function isMarked(
  run: Pick<RunRow, 'workflow_inputs' | 'webhook'>,
  attemptId: string,
  webhook: string | null,
): boolean {
  return run.workflow_inputs?.[MARK_INPUT] === attemptId || (webhook !== null && run.webhook === webhook);
}

/** The legacy API shows neither; then the secret path of the webhook that named the run has to do. */
function tellsNothing(run: Pick<RunRow, 'workflow_inputs' | 'webhook'>): boolean {
  return run.workflow_inputs === null && run.webhook === null;
}

function uncertain(known: KnownRun, why: string): BackendError {
  return new BackendError(
    'submit_uncertain',
    `The answer of ComfyDeploy to a submit was lost, and it is not known whether the run exists: ${why}.`,
    {
      details: {
        attemptId: known.attemptId,
        ...(known.deploymentId === null ? {} : { deploymentId: known.deploymentId }),
      },
    },
  );
}
