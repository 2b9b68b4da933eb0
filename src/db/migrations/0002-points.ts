import type { ColumnDefinitionBuilder, SchemaModule, Transaction } from 'kysely';
import type { Migration } from '../migrate.js';
import type { Database } from '../schema.js';

/**
 * The ledger. `unique(hold_id, terminal)` makes a second ending of a hold impossible whatever the code does; a null in a
 * unique constraint equals nothing in either database, so transfers without a key, a hold or an end are not concerned.
 */
export const points: Migration = {
  version: 2,
  name: '0002-points',
  async up(transaction) {
    await createAccounts(transaction);
    await createJournal(transaction);
    await createHolds(transaction);
    await createRules(transaction);
  },
};

/** Serves only queries that repeat the condition. */
async function partialIndex(
  schema: SchemaModule,
  name: string,
  table: string,
  columns: string[],
  [column, operator, value]: readonly [string, '=' | '>' | 'is not', unknown],
): Promise<void> {
  await schema.createIndex(name).on(table).columns(columns).where(column, operator, value).execute();
}

const required = (column: ColumnDefinitionBuilder) => column.notNull();

async function createAccounts({ schema }: Transaction<Database>): Promise<void> {
  await schema
    .createTable('point_accounts')
    .addColumn('id', 'text', required)
    .addColumn('plan', 'text', required)
    .addColumn('allowance', 'bigint', required)
    .addColumn('credit', 'bigint', required)
    .addColumn('held', 'bigint', required)
    .addColumn('allowance_held', 'bigint', required)
    .addColumn('expiring', 'bigint', required)
    .addColumn('floor', 'bigint', required)
    .addColumn('experience', 'bigint', required)
    .addColumn('accrued_at', 'bigint', required)
    .addColumn('accrual_rest', 'bigint', required)
    .addColumn('payer', 'text')
    .addColumn('budgeted', 'bigint', required)
    .addColumn('posting_seq', 'bigint', required)
    .addColumn('posted_at', 'bigint', required)
    .addColumn('created_at', 'bigint', required)
    .addPrimaryKeyConstraint('point_accounts_pkey', ['id'])
    .execute();

  await schema
    .createTable('point_lots')
    .addColumn('account_id', 'text', required)
    .addColumn('expires_at', 'bigint', required)
    .addColumn('remaining', 'bigint', required)
    .addPrimaryKeyConstraint('point_lots_pkey', ['account_id', 'expires_at'])
    .execute();
  // For the sweep, which looks for what has lapsed; lots that are used up are not in it.
  await partialIndex(schema, 'point_lots_due', 'point_lots', ['expires_at', 'account_id'], ['remaining', '>', 0]);
}

async function createJournal({ schema }: Transaction<Database>): Promise<void> {
  await schema
    .createTable('point_transfers')
    .addColumn('id', 'text', required)
    .addColumn('kind', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('amount', 'bigint', required)
    .addColumn('experience', 'bigint', required)
    .addColumn('idempotency_key', 'text')
    .addColumn('request_hash', 'text')
    .addColumn('hold_id', 'text')
    .addColumn('terminal', 'text')
    .addColumn('generation_id', 'text')
    .addColumn('note', 'text')
    .addColumn('created_at', 'bigint', required)
    .addPrimaryKeyConstraint('point_transfers_pkey', ['id'])
    .addUniqueConstraint('point_transfers_idempotency_key', ['account_id', 'kind', 'idempotency_key'])
    .addUniqueConstraint('point_transfers_terminal_key', ['hold_id', 'terminal'])
    .execute();
  await partialIndex(
    schema,
    'point_transfers_by_generation',
    'point_transfers',
    ['generation_id'],
    ['generation_id', 'is not', null],
  );

  await schema
    .createTable('point_postings')
    .addColumn('transfer_id', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('seq', 'bigint')
    .addColumn('kind', 'text', required)
    .addColumn('allowance', 'bigint', required)
    .addColumn('credit', 'bigint', required)
    .addColumn('held', 'bigint', required)
    .addColumn('allowance_after', 'bigint')
    .addColumn('credit_after', 'bigint')
    .addColumn('held_after', 'bigint')
    .addColumn('created_at', 'bigint', required)
    .addPrimaryKeyConstraint('point_postings_pkey', ['transfer_id', 'account_id'])
    .addUniqueConstraint('point_postings_seq_key', ['account_id', 'seq'])
    .addForeignKeyConstraint('point_postings_transfer_id_fkey', ['transfer_id'], 'point_transfers', ['id'])
    .execute();
  // Pages of one account, of one kind; and where a period begins and ends.
  await schema
    .createIndex('point_postings_by_kind')
    .on('point_postings')
    .columns(['account_id', 'kind', 'seq'])
    .execute();
  await schema
    .createIndex('point_postings_by_time')
    .on('point_postings')
    .columns(['account_id', 'created_at', 'seq'])
    .execute();
}

async function createHolds({ schema }: Transaction<Database>): Promise<void> {
  await schema
    .createTable('point_holds')
    .addColumn('id', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('spender_id', 'text', required)
    .addColumn('status', 'text', required)
    .addColumn('amount', 'bigint', required)
    .addColumn('captured', 'bigint', required)
    .addColumn('refunded', 'bigint', required)
    .addColumn('charge', 'bigint', required)
    .addColumn('parts', 'text', required)
    .addColumn('captured_parts', 'text')
    .addColumn('generation_id', 'text')
    .addColumn('context', 'text', required)
    .addColumn('budget_key', 'text')
    .addColumn('run_id', 'text')
    .addColumn('workflow_name', 'text')
    .addColumn('backend_class', 'text')
    .addColumn('run_ms', 'bigint')
    .addColumn('quote', 'text')
    .addColumn('expires_at', 'bigint')
    .addColumn('created_at', 'bigint', required)
    .addColumn('ended_at', 'bigint')
    .addPrimaryKeyConstraint('point_holds_pkey', ['id'])
    .execute();
  // Open holds are few: those of an account, for `verify`, and those to look after, for the sweep.
  await partialIndex(schema, 'point_holds_open', 'point_holds', ['account_id', 'id'], ['status', '=', 'open']);
  await partialIndex(schema, 'point_holds_due', 'point_holds', ['expires_at', 'id'], ['status', '=', 'open']);
  // For budgets.
  await schema.createIndex('point_holds_by_spender').on('point_holds').columns(['spender_id', 'created_at']).execute();
  await partialIndex(schema, 'point_holds_by_run', 'point_holds', ['spender_id', 'run_id'], ['run_id', 'is not', null]);
  // For estimates: the newest runs of a workflow.
  await partialIndex(
    schema,
    'point_holds_by_workflow',
    'point_holds',
    ['workflow_name', 'ended_at'],
    ['run_ms', 'is not', null],
  );
}

async function createRules({ schema }: Transaction<Database>): Promise<void> {
  await schema
    .createTable('point_members')
    .addColumn('group_id', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('created_at', 'bigint', required)
    .addPrimaryKeyConstraint('point_members_pkey', ['group_id', 'account_id'])
    .execute();

  await schema
    .createTable('point_budgets')
    .addColumn('account_id', 'text', required)
    .addColumn('budget_key', 'text', required)
    .addColumn('period', 'text', required)
    .addColumn('amount', 'bigint', required)
    .addPrimaryKeyConstraint('point_budgets_pkey', ['account_id', 'budget_key', 'period'])
    .execute();

  await schema
    .createTable('point_audit')
    .addColumn('id', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('action', 'text', required)
    .addColumn('actor', 'text', required)
    .addColumn('reason', 'text', required)
    .addColumn('transfer_id', 'text')
    .addColumn('details', 'text', required)
    .addColumn('created_at', 'bigint', required)
    .addPrimaryKeyConstraint('point_audit_pkey', ['id'])
    .execute();
  await schema.createIndex('point_audit_by_account').on('point_audit').columns(['account_id', 'id']).execute();
}
