export interface MediaTables {
  media: MediaTable;
}

/**
 * Stored files. Several rows may share one `hash` (and so one object in the store). `pending` rows belong to an open
 * attempt or upload and are removed by the sweep when that ended without keeping them.
 */
export interface MediaTable {
  id: string;
  account_id: string;
  hash: string;
  bytes: number;
  content_type: string;
  state: 'pending' | 'stored';
  attempt_id: string | null;
  created_at: number;
}
