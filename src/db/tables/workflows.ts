export interface WorkflowTables {
  workflows: WorkflowsTable;
  workflow_versions: WorkflowVersionsTable;
  workflow_labels: WorkflowLabelsTable;
  workflow_aliases: WorkflowAliasesTable;
  workflow_deployments: WorkflowDeploymentsTable;
  workflow_seeds: WorkflowSeedsTable;
}

/** One row per name. Title, type and description are those of the version that was added last. */
export interface WorkflowsTable {
  name: string;
  title: string | null;
  description: string | null;
  type: string | null;
  enabled: number;
  /** `api`, `cli`, or the name of the source that keeps it up to date. */
  source: string;
  /** Hash of the version that was added last. */
  latest_hash: string;
  /** Number of the newest row in `workflow_versions`. */
  version_count: number;
  created_at: number;
  updated_at: number;
  /** When its source turned it off, because it has it no more; null while the source has it. */
  gone_at: number | null;
}

/** Never changed. */
export interface WorkflowVersionsTable {
  workflow_name: string;
  /** SHA-256 of graph and interface. */
  hash: string;
  number: number;
  /** API format, lossless JSON. */
  graph: string;
  /** WorkflowInterface as lossless JSON. */
  interface: string;
  /** The file in UI format, lossless JSON. */
  ui_workflow: string | null;
  /** SHA-256 of file and manifest as they were given, so that an unchanged file need not be converted again. */
  source_hash: string;
  note: string | null;
  created_at: number;
}

/** Where a label is and where it was. A rollback makes the row current that was so before. */
export interface WorkflowLabelsTable {
  workflow_name: string;
  label: string;
  seq: number;
  hash: string;
  /** 1 for the row that counts; a label has one, or none when it was taken away. */
  is_current: number;
  /** The row that was current when this one was written. */
  previous_seq: number | null;
  created_at: number;
}

/** Other names of workflows. */
export interface WorkflowAliasesTable {
  alias: string;
  workflow_name: string;
}

export interface WorkflowDeploymentsTable {
  id: string;
  workflow_name: string;
  /** Hash or label; null for whatever the workflow would take by itself. */
  version: string | null;
  target_kind: 'any' | 'backend' | 'comfydeploy';
  backend_id: string | null;
  /** ComfyDeploy's id. */
  external_id: string | null;
  /** Contexts with a comma before and after each: `,interactive,api,`. */
  contexts: string;
  weight: number;
  enabled: number;
  source: string;
  created_at: number;
  updated_at: number;
  /** As in `workflows`. */
  gone_at: number | null;
}

/** The last seed of an account, for inputs that count up. A text: it may be larger than any column holds. */
export interface WorkflowSeedsTable {
  workflow_name: string;
  account_id: string;
  input: string;
  seed: string;
}
