import type { Clock } from '../core/clock.js';
import { WorkflowError } from '../core/errors.js';
import { isId, newId } from '../core/ids.js';
import { definedOnly } from '../core/objects.js';
import type { Database, Db, DbTransaction } from '../db/index.js';
import { isContext, isLabel, LABEL_RULE } from './names.js';
import { toDeployment } from './rows.js';
import type { Deployment, DeploymentTarget, Workflow, WorkflowVersion } from './types.js';

interface Reader {
  get(nameOrAlias: string): Promise<Workflow>;
  version(nameOrAlias: string, reference?: string): Promise<WorkflowVersion>;
}

export interface NewDeployment {
  /** Chosen unless given; a source gives one of its own, so that it finds the deployment again. */
  readonly id?: string;
  readonly workflow: string;
  /** Number, hash or label. A label is followed as it moves; null is whatever the workflow would take by itself. */
  readonly version?: string | null;
  /** Any backend unless told. */
  readonly target?: DeploymentTarget;
  /** `any` unless told. */
  readonly contexts?: readonly string[];
  /** 100 unless told. */
  readonly weight?: number;
  readonly enabled?: boolean;
  readonly source?: string;
}

export type DeploymentChange = Pick<NewDeployment, 'version' | 'target' | 'contexts' | 'weight' | 'enabled'>;

export interface ListDeployments {
  readonly workflow?: string;
  /** Of the workflow, as stored (upper case). */
  readonly type?: string;
  readonly source?: string;
  readonly enabled?: boolean;
}

const MAX_WEIGHT = 10_000;
const DEFAULT_WEIGHT = 100;
const MAX_CONTEXTS = 20;

type Columns = Pick<
  Database['workflow_deployments'],
  'version' | 'target_kind' | 'backend_id' | 'external_id' | 'contexts' | 'weight' | 'enabled' | 'gone_at'
>;

/** Where runs of workflows may go. Which of them a run takes is decided elsewhere. */
export class Deployments {
  readonly #options: { readonly db: Db; readonly clock: Clock };
  readonly #workflows: Reader;

  constructor(options: { readonly db: Db; readonly clock: Clock }, workflows: Reader) {
    this.#options = options;
    this.#workflows = workflows;
  }

  /** With an id that is there already, that deployment is replaced. Throws `workflow_unknown`, `request_invalid`, ... */
  async add(request: NewDeployment): Promise<Deployment> {
    const { db, clock } = this.#options;
    const { name } = await this.#workflows.get(request.workflow);
    const id = request.id ?? newId();
    if (!isId(id)) throw invalid('id', 'The id of a deployment is a lower-case UUID.');
    const nowMs = clock.now();
    const facts: Columns & { workflow_name: string; source: string; updated_at: number } = {
      version: null,
      target_kind: 'any',
      backend_id: null,
      external_id: null,
      contexts: ',any,',
      weight: DEFAULT_WEIGHT,
      enabled: 1,
      gone_at: null,
      ...(await this.#columns(name, request)),
      workflow_name: name,
      source: request.source ?? 'api',
      updated_at: nowMs,
    };
    await db.transaction(async (tx) => {
      await this.#requireStill(tx, name, facts.version);
      await tx
        .insertInto('workflow_deployments')
        .values({ id, ...facts, created_at: nowMs })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(facts))
        .execute();
    });
    return this.get(id);
  }

  /** Throws `deployment_unknown`. */
  async get(id: string): Promise<Deployment> {
    const row = await this.#options.db.kysely
      .selectFrom('workflow_deployments')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined) throw unknown(id);
    return toDeployment(row);
  }

  /** In the order of their making. */
  async list(options: ListDeployments = {}): Promise<Deployment[]> {
    let query = this.#options.db.kysely
      .selectFrom('workflow_deployments')
      .innerJoin('workflows', 'workflows.name', 'workflow_deployments.workflow_name')
      .selectAll('workflow_deployments')
      .orderBy('workflow_deployments.created_at')
      .orderBy('workflow_deployments.id')
      .limit(10_000);
    if (options.workflow !== undefined) {
      const { name } = await this.#workflows.get(options.workflow);
      query = query.where('workflow_deployments.workflow_name', '=', name);
    }
    if (options.type !== undefined) query = query.where('workflows.type', '=', options.type);
    if (options.source !== undefined) query = query.where('workflow_deployments.source', '=', options.source);
    if (options.enabled !== undefined) {
      query = query.where('workflow_deployments.enabled', '=', options.enabled ? 1 : 0);
    }
    return (await query.execute()).map(toDeployment);
  }

  /** Throws `deployment_unknown`, `workflow_version_unknown`, `request_invalid`. */
  async update(id: string, change: DeploymentChange): Promise<Deployment> {
    const { workflow } = await this.get(id);
    const facts = { ...(await this.#columns(workflow, change)), updated_at: this.#options.clock.now() };
    await this.#options.db.transaction(async (tx) => {
      await this.#requireStill(tx, workflow, facts.version ?? null);
      await tx.updateTable('workflow_deployments').set(facts).where('id', '=', id).execute();
    });
    return this.get(id);
  }

  /** Throws `deployment_unknown`. */
  async remove(id: string): Promise<void> {
    const removed = await this.#options.db.transaction((tx) =>
      tx.deleteFrom('workflow_deployments').where('id', '=', id).executeTakeFirst(),
    );
    if (removed.numDeletedRows === 0n) throw unknown(id);
  }

  async #columns(workflow: string, change: DeploymentChange): Promise<Partial<Columns>> {
    const { version, target, contexts, weight, enabled } = change;
    return definedOnly({
      version: version === undefined || version === null ? version : await this.#pinned(workflow, version),
      ...(target === undefined ? {} : targetColumns(target)),
      contexts: contexts === undefined ? undefined : joinContexts(contexts),
      weight: weight === undefined ? undefined : checkedWeight(weight),
      enabled: enabled === undefined ? undefined : enabled ? 1 : 0,
      // What a person turns off stays off, also where its source has turned it off before and has it again one day.
      gone_at: enabled === false ? null : undefined,
    });
  }

  /** A label may have been taken away since it was looked at: `Labels.remove` and this wait for each other. */
  async #requireStill(tx: DbTransaction, workflow: string, version: string | null): Promise<void> {
    if (version === null || !isLabel(version)) return;
    const nowMs = this.#options.clock.now();
    await tx.updateTable('workflows').set({ updated_at: nowMs }).where('name', '=', workflow).execute();
    const row = await tx
      .selectFrom('workflow_labels')
      .select('seq')
      .where('workflow_name', '=', workflow)
      .where('label', '=', version)
      .where('is_current', '=', 1)
      .executeTakeFirst();
    if (row !== undefined) return;
    throw new WorkflowError('workflow_version_unknown', `${workflow} has no version "${version}" any more.`);
  }

  /** A label as it is, so that it is followed; a number as the hash that it stands for. */
  async #pinned(workflow: string, reference: string): Promise<string> {
    const { labels } = await this.#workflows.get(workflow);
    if (Object.hasOwn(labels, reference)) return reference;
    return (await this.#workflows.version(workflow, reference)).hash;
  }
}

function targetColumns(target: DeploymentTarget): Pick<Columns, 'target_kind' | 'backend_id' | 'external_id'> {
  switch (target.kind) {
    case 'any':
      return { target_kind: 'any', backend_id: null, external_id: null };
    case 'backend':
      if (target.backendId === '') throw invalid('target', 'The target names no backend.');
      return { target_kind: 'backend', backend_id: target.backendId, external_id: null };
    case 'comfydeploy':
      if (target.deploymentId === '') throw invalid('target', 'The target names no deployment of ComfyDeploy.');
      return { target_kind: 'comfydeploy', backend_id: target.backendId, external_id: target.deploymentId };
  }
}

function joinContexts(contexts: readonly string[]): string {
  const unique = [...new Set(contexts)];
  const wrong = unique.find((context) => !isContext(context));
  if (wrong !== undefined) throw invalid('contexts', `"${wrong.slice(0, 80)}" cannot be a context: use ${LABEL_RULE}.`);
  if (unique.length === 0 || unique.length > MAX_CONTEXTS) {
    throw invalid('contexts', `A deployment has 1 to ${MAX_CONTEXTS} contexts; "any" stands for all.`);
  }
  return `,${unique.join(',')},`;
}

function checkedWeight(weight: number): number {
  if (Number.isSafeInteger(weight) && weight >= 0 && weight <= MAX_WEIGHT) return weight;
  throw invalid('weight', `The weight is a whole number from 0 to ${MAX_WEIGHT}.`);
}

function invalid(field: string, message: string): WorkflowError {
  return new WorkflowError('request_invalid', message, { details: { field } });
}

function unknown(id: string): WorkflowError {
  return new WorkflowError('deployment_unknown', `There is no deployment ${id.slice(0, 80)}.`);
}
