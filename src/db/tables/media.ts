export interface MediaTables {
  media: MediaTable;
  media_facts: MediaFactsTable;
  media_derived: MediaDerivedTable;
  media_removals: MediaRemovalsTable;
}

/**
 * Stored files. Several rows may share one `hash` (and so one object in the store). `pending` rows belong to an open
 * attempt or upload and are removed by the sweep when that ended without keeping them. `removed` rows stay for what refers
 * to them (an output, an input) and have no object any more.
 */
export interface MediaTable {
  id: string;
  account_id: string;
  hash: string;
  bytes: number;
  content_type: string;
  state: 'pending' | 'stored' | 'removed';
  attempt_id: string | null;
  created_at: number;
  /** What the sender called it, for display only. */
  filename: string | null;
  /** How it came in; null for what a generation made. */
  source: 'upload' | 'url' | null;
  /** Since when it is kept whatever the retention says; null when it is not. */
  pinned_at: number | null;
}

/** What was found out about an object, once per content. Null is what its kind does not have. */
export interface MediaFactsTable {
  hash: string;
  width: number | null;
  height: number | null;
  frames: number | null;
  blurhash: string | null;
  created_at: number;
}

/** Files made from others: the same source and recipe never have to be worked out twice. */
export interface MediaDerivedTable {
  source_hash: string;
  /** SHA-256 of the normalised recipe. */
  recipe: string;
  hash: string;
  bytes: number;
  content_type: string;
  width: number | null;
  height: number | null;
  created_at: number;
  used_at: number;
}

/** Objects that are being taken out of the store: written before, removed after. While it lasts nobody may refer to them. */
export interface MediaRemovalsTable {
  hash: string;
  until: number;
}
