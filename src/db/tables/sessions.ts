/** Sessions, who they belong to, and what is remembered of people between them. `sessions/types.ts` explains the words. */
export interface SessionTables {
  session_identities: SessionIdentitiesTable;
  sessions: SessionsTable;
  session_values: SessionValuesTable;
  session_preferences: SessionPreferencesTable;
  session_events: SessionEventsTable;
  session_link_codes: SessionLinkCodesTable;
  session_link_attempts: SessionLinkAttemptsTable;
  account_gates: AccountGatesTable;
}

/** A user of a platform and the account behind. Outlives sessions. */
export interface SessionIdentitiesTable {
  id: string;
  platform: string;
  user_id: string;
  account_id: string;
  created_at: number;
}

/** At most one per identity. The account is the identity's, so that linking moves the session too. */
export interface SessionsTable {
  id: string;
  identity_id: string;
  /** Grows by one with each change. */
  revision: number;
  idle_ms: number;
  created_at: number;
  touched_at: number;
  expires_at: number;
}

export interface SessionValuesTable {
  session_id: string;
  name: string;
  /** Lossless JSON. */
  value: string;
  /** Of `value`, as UTF-8. */
  bytes: number;
  updated_at: number;
}

/** What stays when sessions expire: `locale`, `workflow`, `backend`, and `inputs:NAME` for each workflow. */
export interface SessionPreferencesTable {
  account_id: string;
  name: string;
  /** Lossless JSON. */
  value: string;
  updated_at: number;
}

/** For listeners on all nodes; kept for minutes. */
export interface SessionEventsTable {
  session_id: string;
  /** The revision that the session had then. */
  seq: number;
  type: string;
  platform: string;
  user_id: string;
  account_id: string;
  /** JSON. */
  data: string;
  /** Never less than that of an earlier event of the session. */
  at: number;
}

export interface SessionLinkCodesTable {
  /** SHA-256 of the code, hexadecimal. */
  hash: string;
  /** One code per account at a time. */
  account_id: string;
  created_at: number;
  expires_at: number;
}

/** Wrong codes by who tried them. */
export interface SessionLinkAttemptsTable {
  identity_id: string;
  failures: number;
  since: number;
}

/**
 * A row to lock: submits of an account pass it one by one where they are counted, and whoever merges the account closes it.
 */
export interface AccountGatesTable {
  account_id: string;
  /** The account that has taken this one over. */
  merged_into: string | null;
  passed_at: number;
}
