import type { Selectable } from 'kysely';
import { parseLossless } from '../core/json.js';
import type { Database, DbReader } from '../db/index.js';
import { type Graph, type UiWorkflow, validateGraph } from '../graph/index.js';
import type {
  Deployment,
  DeploymentTarget,
  VersionSummary,
  Workflow,
  WorkflowInterface,
  WorkflowVersion,
} from './types.js';

/** Between rows and the types of this room. */
export type WorkflowRow = Selectable<Database['workflows']>;
type VersionRow = Selectable<Database['workflow_versions']>;
type DeploymentRow = Selectable<Database['workflow_deployments']>;

/** The workflow of a name or alias, or undefined. */
export async function findWorkflow(db: DbReader, nameOrAlias: string): Promise<WorkflowRow | undefined> {
  const wanted = nameOrAlias.normalize('NFC');
  const byName = await db.selectFrom('workflows').selectAll().where('name', '=', wanted).executeTakeFirst();
  if (byName !== undefined) return byName;
  return db
    .selectFrom('workflow_aliases')
    .innerJoin('workflows', 'workflows.name', 'workflow_aliases.workflow_name')
    .selectAll('workflows')
    .where('workflow_aliases.alias', '=', wanted)
    .executeTakeFirst();
}

/** Rows as workflows, with the aliases, labels and numbers that lie in other tables. */
export async function toWorkflows(db: DbReader, rows: readonly WorkflowRow[]): Promise<Workflow[]> {
  if (rows.length === 0) return [];
  const names = rows.map(({ name }) => name);
  const aliases = await db
    .selectFrom('workflow_aliases')
    .selectAll()
    .where('workflow_name', 'in', names)
    .orderBy('alias')
    .execute();
  const labels = await db
    .selectFrom('workflow_labels')
    .select(['workflow_name', 'label', 'hash'])
    .where('workflow_name', 'in', names)
    .where('is_current', '=', 1)
    .orderBy('label')
    .execute();
  const versions = await db
    .selectFrom('workflow_versions')
    .innerJoin('workflows', (join) =>
      join
        .onRef('workflows.name', '=', 'workflow_versions.workflow_name')
        .onRef('workflows.latest_hash', '=', 'workflow_versions.hash'),
    )
    .select(['workflow_versions.workflow_name', 'workflow_versions.number'])
    .where('workflow_versions.workflow_name', 'in', names)
    .execute();
  return rows.map((row) => ({
    name: row.name,
    title: row.title,
    description: row.description,
    type: row.type,
    aliases: aliases.filter((alias) => alias.workflow_name === row.name).map(({ alias }) => alias),
    enabled: row.enabled === 1,
    source: row.source,
    latest: {
      number: versions.find((version) => version.workflow_name === row.name)?.number ?? 0,
      hash: row.latest_hash,
    },
    labels: Object.fromEntries(
      labels.filter((label) => label.workflow_name === row.name).map(({ label, hash }) => [label, hash]),
    ),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }));
}

export function toSummary(
  row: Pick<VersionRow, 'hash' | 'number' | 'note' | 'created_at'>,
  workflow: Pick<Workflow, 'labels' | 'latest'>,
): VersionSummary {
  return {
    number: row.number,
    hash: row.hash,
    labels: Object.keys(workflow.labels).filter((label) => workflow.labels[label] === row.hash),
    isLatest: row.hash === workflow.latest.hash,
    note: row.note,
    createdAt: row.created_at,
  };
}

export function toVersion(row: VersionRow, enabled: boolean): WorkflowVersion {
  return {
    workflow: row.workflow_name,
    number: row.number,
    hash: row.hash,
    enabled,
    graph: validateGraph(parseLossless(row.graph)) as Graph,
    uiWorkflow: row.ui_workflow === null ? null : (parseLossless(row.ui_workflow) as UiWorkflow),
    interface: parseLossless(row.interface) as unknown as WorkflowInterface,
    note: row.note,
    createdAt: row.created_at,
  };
}

export function toDeployment(row: DeploymentRow): Deployment {
  return {
    id: row.id,
    workflow: row.workflow_name,
    version: row.version,
    target: toTarget(row),
    contexts: row.contexts.split(',').filter((context) => context !== ''),
    weight: row.weight,
    enabled: row.enabled === 1,
    source: row.source,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toTarget(row: DeploymentRow): DeploymentTarget {
  if (row.target_kind === 'comfydeploy' && row.external_id !== null) {
    return { kind: 'comfydeploy', backendId: row.backend_id, deploymentId: row.external_id };
  }
  if (row.target_kind === 'backend' && row.backend_id !== null) return { kind: 'backend', backendId: row.backend_id };
  return { kind: 'any' };
}
