import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import { BackendError, WorkflowError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Db } from '../db/index.js';
import type { NodeDefinitions } from '../graph/index.js';
import { type Bound, bindInputs, checkInputs, countingInputs, inputsInvalid, loraInputs } from './bind/bind.js';
import {
  type DeploymentBinding,
  deploymentProblems,
  reachesDeployment,
  toDeployment,
  versionForDeployment,
} from './bind/deployment.js';
import { type FileDesk, storeFiles, wrongFiles } from './bind/files.js';
import type { PlanLimits } from './bind/plan.js';
import { nextSeeds } from './seeds.js';
import type { WorkflowVersion } from './types.js';

/** A request for a workflow, made into what runs. */
export interface PrepareRequest {
  readonly workflow: string;
  /** Number, hash or label; as told at `Workflows` where there is none. */
  readonly version?: string;
  readonly inputs: JsonObject;
  readonly accountId: string;
  /** What the plan of the account allows. */
  readonly plan?: PlanLimits;
  /** Of the backend that will run it; asked only when a prompt names a LoRA. */
  readonly definitions?: () => Promise<NodeDefinitions>;
  readonly files?: FileDesk;
  /** For a deployment of ComfyDeploy, which runs a graph of its own. */
  readonly isForDeployment?: boolean;
}

export interface PreparedWorkflow extends Bound {
  readonly version: WorkflowVersion;
  /** Null unless asked for: then `inputs` and `changes` tell what the deployment is given, and the graph is not sent. */
  readonly deployment: DeploymentBinding | null;
}

export interface PrepareParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly definitions: (() => Promise<NodeDefinitions>) | undefined;
  readonly randomSeed: (most: bigint) => bigint;
  readonly random: () => number;
}

/** From 0 to `most`, evenly. */
export function randomSeed(most: bigint): bigint {
  // Twice the digits that are needed: what the remainder favours is then too little to matter.
  return BigInt(`0x${randomBytes(24).toString('hex')}`) % (most + 1n);
}

export async function prepareWorkflow(
  stored: WorkflowVersion,
  request: PrepareRequest,
  parts: PrepareParts,
): Promise<PreparedWorkflow> {
  const { workflow, enabled } = stored;
  if (!enabled) throw new WorkflowError('workflow_disabled', `The workflow ${workflow} is turned off.`);
  const { isForDeployment = false } = request;
  const given = checkInputs(stored, request.inputs, request.plan);
  const refused = isForDeployment ? deploymentProblems(stored, given) : [];
  if (refused.length > 0) throw inputsInvalid(workflow, refused);
  const version = isForDeployment ? versionForDeployment(stored, given) : stored;
  const definitions = loraInputs(version, given).length > 0 ? await definitionsOf(request, parts) : undefined;
  const counting = countingInputs(version, given).filter(isForDeployment ? reachesDeployment(version) : () => true);
  const context = {
    randomSeed: parts.randomSeed,
    random: parts.random,
    now: new Date(parts.clock.now()),
    ...(definitions === undefined ? {} : { definitions }),
  };
  // Once without effect, so that what is refused has stored no file and used up no seed.
  const { interface: about } = version;
  const problems = await wrongFiles(about.inputs, given, request.files);
  if (problems.length > 0) throw inputsInvalid(workflow, problems);
  const pretended = new Map([...given.files.keys()].map((name) => [name, '']));
  bindInputs(version, given, { ...context, mediaIds: pretended, nextSeeds: new Map() });
  const bound = bindInputs(version, given, {
    ...context,
    mediaIds: await storeFiles(about.inputs, given, { workflow, desk: request.files }),
    nextSeeds: await nextSeeds(parts.db, { workflow, accountId: request.accountId }, counting),
  });
  if (!isForDeployment) return { version, deployment: null, ...bound };
  const sent = toDeployment(version, bound);
  return { version: stored, deployment: sent.deployment, ...sent.bound };
}

async function definitionsOf(request: PrepareRequest, parts: PrepareParts): Promise<NodeDefinitions> {
  const ask = request.definitions ?? parts.definitions;
  if (ask !== undefined) return ask();
  throw new BackendError('backend_unreachable', 'A prompt names a LoRA, and no backend was there to say which it has.');
}
