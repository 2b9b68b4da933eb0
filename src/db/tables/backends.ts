export interface BackendTables {
  backends: BackendsTable;
  locks: LocksTable;
}

export interface BackendsTable {
  id: string;
  kind: string;
  url: string;
  owner_node: string | null;
  /** The owner may act on the backend until then. */
  lease_until: number;
  epoch: number;
  created_at: number;
  updated_at: number;
}

/**
 * Named locks that last for one transaction: writing the row takes it, commit or rollback frees it. They order work
 * that spans the database and the file store (an object may be removed only while nobody can begin to refer to it).
 */
export interface LocksTable {
  name: string;
  taken_at: number;
}
