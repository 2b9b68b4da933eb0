/**
 * Every unique constraint of the schema by its name in the database. PostgreSQL reports a violation by this name, SQLite by
 * table and columns; with this table both become the same word. A test compares it with both real schemas.
 */
export const UNIQUE_CONSTRAINTS = {
  easel_migrations_pkey: { table: 'easel_migrations', columns: ['version'] },
  generations_pkey: { table: 'generations', columns: ['id'] },
  generations_idempotency_key: { table: 'generations', columns: ['account_id', 'idempotency_key'] },
  generation_payloads_pkey: { table: 'generation_payloads', columns: ['generation_id'] },
  generation_inputs_pkey: { table: 'generation_inputs', columns: ['generation_id', 'node_id', 'input_name'] },
  attempts_pkey: { table: 'attempts', columns: ['id'] },
  attempts_number_key: { table: 'attempts', columns: ['generation_id', 'number'] },
  outputs_pkey: { table: 'outputs', columns: ['id'] },
  outputs_ordinal_key: { table: 'outputs', columns: ['generation_id', 'ordinal'] },
  events_pkey: { table: 'events', columns: ['generation_id', 'seq'] },
  media_pkey: { table: 'media', columns: ['id'] },
  backends_pkey: { table: 'backends', columns: ['id'] },
  locks_pkey: { table: 'locks', columns: ['name'] },
  point_accounts_pkey: { table: 'point_accounts', columns: ['id'] },
  point_lots_pkey: { table: 'point_lots', columns: ['account_id', 'expires_at'] },
  point_transfers_pkey: { table: 'point_transfers', columns: ['id'] },
  point_transfers_idempotency_key: { table: 'point_transfers', columns: ['account_id', 'kind', 'idempotency_key'] },
  point_transfers_terminal_key: { table: 'point_transfers', columns: ['hold_id', 'terminal'] },
  point_postings_pkey: { table: 'point_postings', columns: ['transfer_id', 'account_id'] },
  point_postings_seq_key: { table: 'point_postings', columns: ['account_id', 'seq'] },
  point_holds_pkey: { table: 'point_holds', columns: ['id'] },
  point_members_pkey: { table: 'point_members', columns: ['group_id', 'account_id'] },
  point_budgets_pkey: { table: 'point_budgets', columns: ['account_id', 'budget_key', 'period'] },
  point_audit_pkey: { table: 'point_audit', columns: ['id'] },
  webhook_endpoints_pkey: { table: 'webhook_endpoints', columns: ['id'] },
  webhook_deliveries_pkey: { table: 'webhook_deliveries', columns: ['endpoint_id', 'message_id'] },
  webhook_attempts_pkey: { table: 'webhook_attempts', columns: ['endpoint_id', 'message_id', 'number'] },
} as const satisfies Record<string, { readonly table: string; readonly columns: readonly string[] }>;

export type UniqueConstraint = keyof typeof UNIQUE_CONSTRAINTS;
