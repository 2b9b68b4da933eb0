import type { AttemptStatus, GenerationStatus } from '../../core/statuses.js';

export interface GenerationTables {
  generations: GenerationsTable;
  generation_payloads: GenerationPayloadsTable;
  generation_inputs: GenerationInputsTable;
  attempts: AttemptsTable;
  outputs: OutputsTable;
  events: EventsTable;
}

/** One row per request of an account. Narrow on purpose: the graph lives in `generation_payloads`. */
export interface GenerationsTable {
  id: string;
  account_id: string;
  status: GenerationStatus;
  lane: number;
  /** Unique per account when given. */
  idempotency_key: string | null;
  /** SHA-256 of the request body, to tell a repeat from a conflicting reuse of the key. */
  request_hash: string | null;
  workflow_name: string | null;
  workflow_version: string | null;
  /** What the graph loads, for dispatch: checkpoint set and LoRA set (graph fingerprint). Empty when nothing is loaded. */
  model_key: string;
  lora_key: string;
  /** What a backend must have to run it (`dispatch_needs`). This and the next two: null only in rows older than they are. */
  needs_key: string | null;
  /** Virtual start time in the lane: lowest is due first. Never rewritten. */
  vstart: number | null;
  /** Expected work, in milliseconds on a backend of speed 1. */
  estimate_ms: number | null;
  /** Run by this deployment id, on a backend of kind `comfydeploy` and no other; null: a graph, on any other backend. */
  deployment_id: string | null;
  /** The session that it was submitted from; that may be over by now. */
  session_id: string | null;
  /** Only this backend may run it, when set. */
  backend_pin: string | null;
  /** Attempts spent. An attempt that the backend never accepted is given back. */
  attempt_count: number;
  max_attempts: number;
  /** Consecutive claims that ended without the backend ever accepting; bounds the give-backs. */
  unaccepted_count: number;
  /** Not to be claimed before this time (retry backoff). */
  available_at: number;
  created_at: number;
  updated_at: number;
  queue_deadline_at: number;
  run_limit_ms: number;
  started_at: number | null;
  finished_at: number | null;
  current_attempt_id: string | null;
  cancel_requested_at: number | null;
  /** ErrorInfo as JSON, for failed, cancelled and expired. */
  error: string | null;
  /** Sequence number of the newest row in `events`. */
  event_seq: number;
}

export interface GenerationPayloadsTable {
  generation_id: string;
  /** `{id, inputs}`, lossless JSON; null when the generation runs a graph. */
  deployment: string | null;
  /** The bound graph, lossless JSON. */
  graph: string;
  /** The UI workflow to embed in outputs, lossless JSON. */
  workflow: string | null;
  /** What the caller attached; returned as it came, never interpreted. JSON. */
  metadata: string | null;
  /** The values of a workflow's inputs with which the graph was bound, drawn seeds included. Lossless JSON. */
  inputs: string | null;
  /** Every change that binding made to the graph of the workflow, with its reason. Lossless JSON. */
  changes: string | null;
}

/** A stored file that must be uploaded to the backend before the graph is sent. */
export interface GenerationInputsTable {
  generation_id: string;
  node_id: string;
  input_name: string;
  media_id: string;
  /** The name asked of the backend: content hash plus extension, never the caller's name. */
  upload_name: string;
}

/** One try on one backend. The id is the ComfyUI prompt_id. */
export interface AttemptsTable {
  id: string;
  /** The id that the backend gave the run, where it does not take ours; null until it is known. */
  backend_run_id: string | null;
  generation_id: string;
  number: number;
  backend_id: string;
  epoch: number;
  node_id: string;
  status: AttemptStatus;
  claimed_at: number;
  sent_at: number | null;
  confirmed_at: number | null;
  finished_at: number | null;
  /** What the backend reported at its end (AttemptResult as JSON), stored before collecting begins. */
  result: string | null;
  error: string | null;
}

export interface OutputsTable {
  id: string;
  generation_id: string;
  attempt_id: string;
  ordinal: number;
  node_id: string;
  output_key: string;
  kind: string;
  filename: string;
  content_type: string;
  bytes: number;
  media_id: string | null;
  text: string | null;
}

/** Durable events; `seq` counts from 1 within a generation without gaps. Progress is not stored. */
export interface EventsTable {
  generation_id: string;
  seq: number;
  type: string;
  data: string;
  created_at: number;
}
