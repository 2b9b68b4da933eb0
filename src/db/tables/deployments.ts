export interface DeploymentTables {
  run_reports: RunReportsTable;
  secrets: SecretsTable;
}

/**
 * What webhooks said of an attempt: a hint to look, which its owner may be another node than the one that received it. One
 * row per attempt however often it is reported.
 */
export interface RunReportsTable {
  attempt_id: string;
  /** The backend's id of the run, as reported: not believed before the run was read. */
  run_id: string | null;
  /** Counts the reports. */
  seq: number;
  received_at: number;
}

/** Random values that all nodes share and that must survive a restart, hexadecimal; see `SharedSecret`. */
export interface SecretsTable {
  name: string;
  value: string;
  created_at: number;
}
