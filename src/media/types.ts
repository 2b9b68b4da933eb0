import type { MediaFacts } from './inspect.js';

/**
 * Words of the media room:
 *
 * - object    bytes in the store, named by their hash
 * - file      a row: an account has this object, under this name, since then
 * - facts     what was found out about an object
 * - derived   an object made from another by a recipe; it belongs to nobody and can be made again
 * - pinned    kept whatever the retention says
 */
export interface MediaFile {
  readonly id: string;
  readonly accountId: string;
  /** SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly hash: string;
  readonly bytes: number;
  readonly contentType: string;
  /** What the sender or the node called it; for display, never a path. */
  readonly filename: string | null;
  readonly source: 'upload' | 'url' | 'generation';
  readonly createdAt: number;
  readonly pinned: boolean;
}

/** A file that came with a request: the account's for good once a generation reads it. */
export interface AttachedFile {
  readonly mediaId: string;
  readonly hash: string;
  readonly bytes: number;
  readonly contentType: string;
}

export interface MediaInfo extends MediaFile {
  readonly facts: MediaFacts;
  /** Null for what was sent in and never became an output. */
  readonly provenance: Provenance | null;
}

/** Where an output comes from. */
export interface Provenance {
  readonly generationId: string;
  readonly ordinal: number;
  readonly nodeId: string;
  readonly key: string;
  readonly backendId: string;
  readonly workflowName: string | null;
  readonly workflowVersion: string | null;
  /** Files that the graph loaded, as `folder:name`; LoRAs with their strengths. */
  readonly models: readonly string[];
  readonly loras: readonly string[];
  /** By place: `3.seed`. As digits, since a seed may be larger than a JavaScript number holds. */
  readonly seeds: Readonly<Record<string, string>>;
  /** The graph that was run, lossless JSON. */
  readonly graph: string;
}

export interface DerivedFile {
  readonly hash: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly width: number | null;
  readonly height: number | null;
}

export interface MediaUsage {
  readonly files: number;
  readonly bytes: number;
  /** 0 is no limit. */
  readonly quotaBytes: number;
}

export interface MediaSweepReport {
  /** Half-written files of dead processes. */
  readonly staged: number;
  /** Uploads that never became files. */
  readonly pending: number;
  /** Removals that were cut short. */
  readonly removals: number;
  readonly derived: number;
  /** By age, or by number. */
  readonly expired: number;
  /** Objects that no row refers to; looked for only when asked. */
  readonly orphans: number;
}
