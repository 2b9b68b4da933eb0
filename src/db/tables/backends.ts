export interface BackendTables {
  backends: BackendsTable;
  nodes: NodesTable;
  generation_avoids: GenerationAvoidsTable;
  locks: LocksTable;
}

/**
 * What somebody wants of a backend.
 *
 * - draining  no new work; what runs goes on
 * - removing  the same, and `gone` once it is empty
 * - evicting  the same, but what runs is stopped there and waits for another backend
 * - gone      removed; the row stays, because its epoch must go on counting if the id comes back
 */
export type DesiredBackendState = 'active' | 'draining' | 'removing' | 'evicting' | 'gone';

export interface BackendsTable {
  id: string;
  kind: string;
  /** For people: without credentials. */
  url: string;
  owner_node: string | null;
  /** The owner may act on the backend until then. */
  lease_until: number;
  epoch: number;
  created_at: number;
  updated_at: number;
  /** What it is believed to hold and to run, for nodes that do not own it: JSON (`PublishedBackend`), as of its last claim. */
  dispatch: string | null;
  /** `config`: from the configuration of the nodes; `added`: at run time, described by `settings`. */
  origin: 'config' | 'added';
  desired: DesiredBackendState;
  /** As its owner sees it (`generations/backend-health.ts`). */
  state: string;
  state_since: number;
  /** JSON: why, since when the breaker is open, version, ... */
  state_detail: string | null;
  /** Largest memory of one of its devices; 0 when unknown. */
  vram_bytes: number;
  /** Counts the changes of `settings`. */
  settings_version: number;
  /** JSON of the backend's configuration, with its secrets as they were given; null unless `added`. */
  settings: string | null;
}

/** A process that runs backends, while its heartbeat lasts. */
export interface NodesTable {
  id: string;
  /** JSON: ids of the backends that it could own. */
  backends: string;
  alive_until: number;
}

/** The waiting generation should not go to this backend, which failed it, while another one can take it. */
export interface GenerationAvoidsTable {
  generation_id: string;
  backend_id: string;
  created_at: number;
}

/**
 * Named locks that last for one transaction: writing the row takes it, commit or rollback frees it. They order work
 * that spans the database and the file store (an object may be removed only while nobody can begin to refer to it).
 */
export interface LocksTable {
  name: string;
  taken_at: number;
}
