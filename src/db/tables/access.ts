export interface AccessTables {
  api_keys: ApiKeysTable;
}

/** Keys of programs that call the API. The key itself is nowhere: only its SHA-256, which is as good for comparing. */
export interface ApiKeysTable {
  id: string;
  account_id: string;
  name: string;
  /** The first characters of the key, for people to tell keys apart. */
  prefix: string;
  /** SHA-256 of the whole key, hexadecimal. */
  hash: string;
  /** JSON. */
  scopes: string;
  /** What budgets of points know it by: its own id, or that of the key in whose place it came. */
  budget_key: string;
  /** Requests per minute; null for the configured limit. */
  rate_per_minute: number | null;
  /** Requests under way at a time; null for the configured limit. */
  max_concurrent: number | null;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  /** Within a minute or so. */
  last_used_at: number | null;
}
