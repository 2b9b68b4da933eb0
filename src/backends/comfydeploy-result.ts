import { type ProducedFile, type ProducedOutput, producedOutputs, type Run } from '../comfydeploy/index.js';
import { BackendError } from '../core/errors.js';
import type { AttemptOutput, AttemptResult, FileOutput, Sighting } from './spec.js';

/** What a run that was read means (comfydeploy.md 3.2, 3.3). */
export interface RunReading {
  readonly sighting: Sighting;
  readonly files: readonly ProducedFile[];
}

export function interpretRun(run: Run): RunReading {
  const produced = producedOutputs(run.outputs);
  const files = produced.filter((output): output is ProducedFile => output.kind !== 'text');
  const finished = (result: Omit<AttemptResult, 'outputs' | 'runMs'>): RunReading => {
    const runMs = runMsOf(run);
    const outputs = result.outcome === 'succeeded' ? produced.map((output) => attemptOutput(output, run.id)) : [];
    return {
      sighting: { state: 'finished', result: { ...result, outputs, ...(runMs === null ? {} : { runMs }) } },
      files,
    };
  };
  switch (run.status) {
    case 'success':
      if (produced.length > 0) return finished({ outcome: 'succeeded' });
      return finished({ outcome: 'failed', error: nothingProduced(run).toInfo() });
    case 'failed':
      return finished({ outcome: 'failed', error: failure(run).toInfo() });
    case 'timeout':
      return finished({ outcome: 'failed', error: timedOut(run).toInfo() });
    case 'cancelled':
      return finished({ outcome: 'interrupted', error: cancelled(run).toInfo() });
    case 'running':
    case 'uploading':
      return { sighting: { state: 'running' }, files };
    default:
      // `not-started`, `queued`, `started` (the container is up, ComfyUI has not begun), and whatever may be added.
      return { sighting: { state: 'queued', position: (run.queue_position ?? -1) + 1 }, files };
  }
}

/** How `openOutput` finds a file again after the run was read anew: its URL is another one each time. */
export function isSameFile(output: FileOutput, file: ProducedFile): boolean {
  return (
    file.nodeId === output.nodeId &&
    file.key === output.key &&
    file.filename === output.filename &&
    file.subfolder === output.subfolder
  );
}

function attemptOutput(output: ProducedOutput, backendRunId: string): AttemptOutput {
  if (output.kind === 'text') return output;
  const { kind, nodeId, key, filename, subfolder } = output;
  return { kind, nodeId, key, filename, subfolder, type: 'output', backendRunId };
}

function runMsOf(run: Run): number | null {
  if (run.run_duration !== null && run.run_duration >= 0) return Math.round(run.run_duration * 1000);
  if (run.started_at === null || run.ended_at === null) return null;
  return Math.max(0, run.ended_at - run.started_at);
}

/** The API keeps the reason to itself: only the log of the run has it. */
function failure(run: Run): BackendError {
  const details = { runId: run.id, status: run.status };
  if (run.queued_at === null && run.started_at === null)
    return new BackendError('backend_failed', 'ComfyDeploy could not hand the run to its machine.', {
      hint: `Look at the machine of the deployment; the run there is ${run.id}.`,
      details,
    });
  return new BackendError('node_failed', 'The run failed on ComfyDeploy, which does not tell why.', {
    hint: `Its log there has the reason: run ${run.id}.`,
    details,
  });
}

function timedOut(run: Run): BackendError {
  return new BackendError('run_timeout', 'The run exceeded the time limit of its machine on ComfyDeploy.', {
    hint: `Raise run_timeout of the machine or of the deployment; the run there is ${run.id}. A run that ComfyUI refused ends so too.`,
    details: { runId: run.id, status: run.status },
  });
}

function cancelled(run: Run): BackendError {
  return new BackendError('backend_interrupted', 'The run was cancelled on ComfyDeploy, or its machine stopped.', {
    details: { runId: run.id, status: run.status },
  });
}

/** An entry of which one file could not be uploaded is dropped whole, and the run is a success all the same. */
function nothingProduced(run: Run): BackendError {
  return new BackendError('outputs_missing', 'The run succeeded on ComfyDeploy and shows no output.', {
    hint: `Previews are not kept there, and files whose upload failed are left out; the run there is ${run.id}.`,
    details: { runId: run.id },
  });
}
