import { EaselError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { definedOnly } from '../core/objects.js';
import type { Db } from '../db/index.js';
import type { NodeDefinitions } from '../graph/index.js';
import {
  contentHash,
  type PlanLimits,
  type PreparedWorkflow,
  type Selection,
  type WorkflowRequirements,
  type Workflows,
  type WorkflowVersion,
} from '../workflows/index.js';
import type { Generations } from './service.js';
import type { Generation, GenerationRequest } from './types.js';

/** A generation that is asked for by the name of a workflow. */
export interface WorkflowRequest
  extends Pick<
    GenerationRequest,
    | 'accountId'
    | 'lane'
    | 'backendId'
    | 'sessionId'
    | 'idempotencyKey'
    | 'idempotencyDigest'
    | 'metadata'
    | 'limits'
    | 'needs'
    | 'billing'
    | 'traceParent'
    | 'requestId'
  > {
  /** Name or alias. */
  readonly workflow: string;
  /** Number, hash or label; `production`, or else the latest, unless given. */
  readonly version?: string;
  /** By name, exactly those of the workflow. */
  readonly inputs: JsonObject;
  /** A deployment or a backend that it would rather have; what is stored for the account unless given. */
  readonly preference?: string;
  /** Whether the account gets the same deployment each time, as long as that is well. */
  readonly isSticky?: boolean;
}

export interface WorkflowSubmission {
  readonly generation: Generation;
  /** False when an earlier request under the same key made it. */
  readonly isNew: boolean;
  /** Null when it was made earlier. */
  readonly version: WorkflowVersion | null;
  /** The values that the graph was bound with, drawn seeds included; null when it was made earlier. */
  readonly inputs: JsonObject | null;
}

export interface WorkflowSubmitterOptions {
  readonly db: Db;
  readonly generations: Pick<Generations, 'accept' | 'attach' | 'findSubmitted'>;
  readonly workflows: Pick<Workflows, 'prepare' | 'selector' | 'get'>;
  /** Of the backend that will run it, or of any. */
  readonly definitions: (options: { readonly backendId?: string }) => Promise<NodeDefinitions>;
  /** What the plan of an account allows. */
  readonly planOf: (accountId: string) => Promise<PlanLimits>;
  /** The backend that an account would rather have, where it has said so; null without one. */
  readonly preferenceOf?: (accountId: string) => Promise<string | null>;
  readonly maxUploadBytes: number;
}

/** From the name of a workflow and values to a generation. */
export class WorkflowSubmitter {
  readonly #options: WorkflowSubmitterOptions;

  constructor(options: WorkflowSubmitterOptions) {
    this.#options = options;
  }

  /**
   * Binds and submits. Under an idempotency key the request is compared, and not the graph: seeds are drawn once.
   *
   * Throws what `Workflows.prepare` and `Generations.submit` throw: `workflow_unknown`, `workflow_version_unknown`,
   * `workflow_disabled`, `workflow_input_invalid`, `points_plan_limit`, `idempotency_conflict`, ...
   */
  async submit(request: WorkflowRequest): Promise<WorkflowSubmission> {
    const { generations, workflows, definitions, planOf } = this.#options;
    const { accountId, idempotencyKey } = request;
    const idempotencyDigest = request.idempotencyDigest ?? digestOf(request);
    if (idempotencyKey !== undefined) {
      const earlier = await generations.findSubmitted(accountId, idempotencyKey, idempotencyDigest);
      if (earlier !== null) return { generation: earlier, isNew: false, version: null, inputs: null };
    }
    const selection = await this.#select(request);
    const place = placeOf(selection);
    const backendId = request.backendId ?? place.backendId;
    const wanted = request.version ?? selection?.deployment.version ?? undefined;
    const prepared = await workflows.prepare({
      workflow: request.workflow,
      inputs: request.inputs,
      accountId,
      plan: await planOf(accountId),
      definitions: () => definitions(definedOnly({ backendId })),
      files: {
        contentTypeOf: (mediaId) => this.#contentTypeOf(accountId, mediaId),
        store: (bytes, declaredType) => this.#store(accountId, bytes, declaredType),
      },
      isForDeployment: place.deploymentId !== undefined,
      ...(wanted === undefined ? {} : { version: wanted }),
    });
    const { version, inputs, changes } = prepared;
    const { lane, metadata, billing, traceParent, requestId, sessionId } = request;
    const accepted = await generations.accept({
      accountId,
      ...workOf(prepared, place.deploymentId),
      workflowName: version.workflow,
      workflowVersion: version.hash,
      bound: { inputs, changes },
      limits: { ...version.interface.limits, ...definedOnly(request.limits ?? {}) },
      needs: allNeeds(version.interface.requires, request.needs),
      ...definedOnly({ lane, backendId, sessionId, metadata, billing, traceParent, requestId }),
      ...definedOnly({ workflow: version.uiWorkflow ?? undefined, selection: summaryOf(selection) }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey, idempotencyDigest }),
    });
    return { ...accepted, version, inputs };
  }

  /** Null where the request names its backend, or the workflow is deployed nowhere: then it goes wherever it can run. */
  async #select(request: WorkflowRequest): Promise<Selection | null> {
    if (request.backendId !== undefined) return null;
    const { workflows, preferenceOf } = this.#options;
    const { name } = await workflows.get(request.workflow);
    const stored = request.preference === undefined ? await preferenceOf?.(request.accountId) : undefined;
    return workflows.selector.selectFor(name, {
      context: request.billing?.context ?? (request.lane === 'batch' ? 'cook' : 'interactive'),
      preference: request.preference ?? stored ?? undefined,
      isStoredPreference: request.preference === undefined,
      stickyKey: request.isSticky === true ? request.accountId : undefined,
    });
  }

  async #contentTypeOf(accountId: string, mediaId: string): Promise<string | null> {
    const row = await this.#options.db.kysely
      .selectFrom('media')
      .select('content_type')
      .where('id', '=', mediaId)
      .where('account_id', '=', accountId)
      .executeTakeFirst();
    return row?.content_type ?? null;
  }

  #store(
    accountId: string,
    bytes: Uint8Array,
    declaredType: string,
  ): Promise<{ readonly mediaId: string; readonly contentType: string }> {
    const { generations, maxUploadBytes: maxBytes } = this.#options;
    if (bytes.length > maxBytes) {
      throw new EaselError('payload_too_large', `A file of the request is larger than ${maxBytes} bytes.`, {
        details: { maxBytes },
      });
    }
    return generations.attach(accountId, bytes, { maxBytes, declaredType });
  }
}

function digestOf(request: WorkflowRequest): string {
  const { workflow, version, inputs, lane, backendId, metadata, limits, needs, billing, preference, isSticky } =
    request;
  const rest = { lane, backendId, metadata, limits, needs, billing, preference, isSticky };
  return contentHash({ workflow, version, inputs, ...rest });
}

/** What the workflow asks of a backend, and what the request asks beyond that. */
function allNeeds(
  required: WorkflowRequirements,
  asked: GenerationRequest['needs'] = {},
): NonNullable<GenerationRequest['needs']> {
  return {
    tags: [...(required.tags ?? []), ...(asked.tags ?? [])],
    vramBytes: Math.max(required.vramBytes ?? 0, asked.vramBytes ?? 0),
  };
}

function placeOf(selection: Selection | null): { readonly backendId?: string; readonly deploymentId?: string } {
  const target = selection?.deployment.target;
  switch (target?.kind) {
    case 'backend':
      return { backendId: target.backendId };
    case 'comfydeploy':
      return { deploymentId: target.deploymentId, ...definedOnly({ backendId: target.backendId ?? undefined }) };
    default:
      return {};
  }
}

/** A ComfyDeploy runs its own copy of the workflow: it gets values for its marker nodes, and no graph. */
function workOf(
  { graph, attachments, deployment }: PreparedWorkflow,
  deploymentId: string | undefined,
): Pick<GenerationRequest, 'graph' | 'deployment' | 'attachments'> {
  if (deploymentId === undefined || deployment === null) return { graph, attachments };
  return {
    deployment: { id: deploymentId, inputs: deployment.values },
    attachments: deployment.files.map(({ inputId, mediaId }) => ({ nodeId: '', inputName: inputId, mediaId })),
  };
}

function summaryOf(selection: Selection | null): GenerationRequest['selection'] {
  if (selection === null) return undefined;
  return { deploymentId: selection.deployment.id, rule: selection.reason.rule, sentence: selection.sentence };
}
