import type { BackendEvent, DeploymentRequest, RunReference, SubmitRequest } from '../../backends/spec.js';
import type { Clock } from '../../core/clock.js';
import { BackendError, type EaselError, toEaselError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import type { Db } from '../../db/index.js';
import type { OwnedBackend } from '../owned-backend.js';
import type { AttemptIdentity } from '../settle.js';

/**
 * A backend as an attempt of a deployment uses it: what Easel has stored of the run goes along with every look, and the id
 * that the backend chose is stored as soon as it is known, so that a successor finds the run again. Until then it is found
 * by its mark, and a look that fails leaves open whether there is a run at all: it must not be sent again.
 */
export interface DeploymentContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The backend itself for a graph. */
export async function deploymentBackend(
  context: DeploymentContext,
  backend: OwnedBackend,
  attempt: AttemptIdentity,
  deployment: DeploymentRequest | null,
): Promise<OwnedBackend> {
  if (deployment === null) return backend;
  let run = await readReference(context, attempt, deployment.id);
  const identified = async (backendRunId: string) => {
    if (run.backendRunId === backendRunId) return;
    run = { ...run, backendRunId };
    await storeRunId(context, attempt, backendRunId);
  };
  return {
    id: backend.id,
    openOutput: (output, options) => backend.openOutput(output, options),
    upload: (file, options) => backend.upload(file, options),
    async submit(request: SubmitRequest) {
      run = { ...run, sentAt: context.clock.now() };
      const outcome = await backend.submit({ ...request, graph: {}, deployment });
      if (outcome.kind === 'accepted' && outcome.backendRunId !== undefined) await identified(outcome.backendRunId);
      return outcome;
    },
    async find(attemptId, options) {
      try {
        return await backend.find(attemptId, { ...options, run });
      } catch (thrown) {
        throw run.backendRunId === null ? uncertain(thrown, deployment.id) : thrown;
      }
    },
    cancel: (attemptId, options) => backend.cancel(attemptId, { ...options, run }),
    onEvent: (listener) =>
      backend.onEvent((event: BackendEvent) => {
        // Of no interest to who listens: that it has an id does not mean that it runs.
        if (event.type !== 'identified') listener(event);
        else if (event.attemptId === attempt.attemptId) void identified(event.backendRunId);
      }),
  };
}

async function readReference(
  { db, clock }: DeploymentContext,
  { attemptId }: AttemptIdentity,
  deploymentId: string,
): Promise<RunReference> {
  const row = await db.kysely
    .selectFrom('attempts')
    .leftJoin('run_reports', 'run_reports.attempt_id', 'attempts.id')
    .select(['attempts.backend_run_id as backendRunId', 'attempts.sent_at as sentAt', 'run_reports.run_id as reported'])
    .where('attempts.id', '=', attemptId)
    .executeTakeFirst();
  return {
    deploymentId,
    backendRunId: row?.backendRunId ?? null,
    reportedRunId: row?.reported ?? null,
    sentAt: row?.sentAt ?? clock.now(),
  };
}

/** Never throws: without it the run is found by its mark, only later. */
async function storeRunId(
  { db, logger }: DeploymentContext,
  attempt: AttemptIdentity,
  backendRunId: string,
): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      await tx
        .updateTable('attempts')
        .set({ backend_run_id: backendRunId })
        .where('id', '=', attempt.attemptId)
        .where('epoch', '=', attempt.epoch)
        .execute();
    });
  } catch (error) {
    logger.warn({ err: toEaselError(error), attempt: attempt.attemptId, backendRunId }, 'a run id could not be stored');
  }
}

/** An ended patience keeps its own reason. */
function uncertain(thrown: unknown, deploymentId: string): EaselError {
  const error = toEaselError(thrown);
  if (error.code === 'cancelled' || error.code === 'shutting_down' || error.code === 'lease_lost') return error;
  if (error.code === 'submit_uncertain') return error;
  return new BackendError(
    'submit_uncertain',
    `It is not known whether ComfyDeploy has the run, and it cannot be asked: ${error.message}`,
    { cause: error, details: { deploymentId, lastCode: error.code } },
  );
}
