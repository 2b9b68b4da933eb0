import type { ColumnDefinitionBuilder, CreateTableBuilder, Transaction } from 'kysely';
import type { Migration } from '../migrate.js';
import type { Database } from '../schema.js';

/**
 * The tables of `schema.ts`.
 *
 * Foreign keys bind rows that have no life of their own to their generation (they go with it), and outputs and inputs to
 * their stored file (it cannot go while they name it). There is none on `backend_id`: the history of an attempt outlives
 * its backend.
 */
export const foundation: Migration = {
  version: 1,
  name: '0001-foundation',
  async up(transaction) {
    await createGenerations(transaction);
    await createMedia(transaction);
    await createPartsOfGenerations(transaction);
    await createAttempts(transaction);
    await createBackends(transaction);
    await createLocks(transaction);
  },
};

const required = (column: ColumnDefinitionBuilder) => column.notNull();

function withGeneration<T extends string, C extends string>(table: CreateTableBuilder<T, C>, name: string) {
  return table
    .addColumn('generation_id', 'text', required)
    .addForeignKeyConstraint(`${name}_generation_id_fkey`, ['generation_id'], 'generations', ['id'], (key) =>
      key.onDelete('cascade'),
    );
}

async function createGenerations(transaction: Transaction<Database>): Promise<void> {
  const { schema } = transaction;
  await schema
    .createTable('generations')
    .addColumn('id', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('status', 'text', required)
    .addColumn('lane', 'bigint', required)
    .addColumn('idempotency_key', 'text')
    .addColumn('request_hash', 'text')
    .addColumn('workflow_name', 'text')
    .addColumn('workflow_version', 'text')
    .addColumn('model_key', 'text', required)
    .addColumn('lora_key', 'text', required)
    .addColumn('backend_pin', 'text')
    .addColumn('attempt_count', 'bigint', required)
    .addColumn('max_attempts', 'bigint', required)
    .addColumn('unaccepted_count', 'bigint', required)
    .addColumn('available_at', 'bigint', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('updated_at', 'bigint', required)
    .addColumn('queue_deadline_at', 'bigint', required)
    .addColumn('run_limit_ms', 'bigint', required)
    .addColumn('started_at', 'bigint')
    .addColumn('finished_at', 'bigint')
    .addColumn('current_attempt_id', 'text')
    .addColumn('cancel_requested_at', 'bigint')
    .addColumn('error', 'text')
    .addColumn('event_seq', 'bigint', required)
    .addPrimaryKeyConstraint('generations_pkey', ['id'])
    .addUniqueConstraint('generations_idempotency_key', ['account_id', 'idempotency_key'])
    .execute();

  // Waiting generations: in order of claim, by the end of their backoff, by their queue deadline. Rows that have ended,
  // which become most of the table, are in none of them.
  const waiting = (name: string, columns: string[]) =>
    partialIndex(transaction, name, 'generations', columns, 'status', 'queued');
  await waiting('generations_waiting_order', ['lane', 'created_at', 'id']);
  await waiting('generations_waiting_available', ['available_at']);
  await waiting('generations_waiting_deadline', ['queue_deadline_at']);
  // Pages of one account; ids sort by creation time.
  await schema.createIndex('generations_by_account').on('generations').columns(['account_id', 'id']).execute();
}

/** Over one value only: SQLite does not see that `in (?, ?)` fits an index over two. */
async function partialIndex(
  transaction: Transaction<Database>,
  name: string,
  table: string,
  columns: string[],
  column: string,
  value: string,
): Promise<void> {
  const index = transaction.schema.createIndex(name).on(table).columns(columns);
  await index.where(column, '=', value).execute();
}

async function createMedia(transaction: Transaction<Database>): Promise<void> {
  const { schema } = transaction;
  await schema
    .createTable('media')
    .addColumn('id', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('hash', 'text', required)
    .addColumn('bytes', 'bigint', required)
    .addColumn('content_type', 'text', required)
    .addColumn('state', 'text', required)
    .addColumn('attempt_id', 'text')
    .addColumn('created_at', 'bigint', required)
    .addPrimaryKeyConstraint('media_pkey', ['id'])
    .execute();
  await schema.createIndex('media_by_hash').on('media').columns(['hash']).execute();
  await schema.createIndex('media_by_attempt').on('media').columns(['attempt_id']).execute();
  await partialIndex(transaction, 'media_pending', 'media', ['created_at', 'id'], 'state', 'pending');
}

async function createPartsOfGenerations(transaction: Transaction<Database>): Promise<void> {
  const { schema } = transaction;
  await withGeneration(schema.createTable('generation_payloads'), 'generation_payloads')
    .addColumn('graph', 'text', required)
    .addColumn('workflow', 'text')
    .addColumn('metadata', 'text')
    .addPrimaryKeyConstraint('generation_payloads_pkey', ['generation_id'])
    .execute();

  await withGeneration(schema.createTable('generation_inputs'), 'generation_inputs')
    .addColumn('node_id', 'text', required)
    .addColumn('input_name', 'text', required)
    .addColumn('media_id', 'text', required)
    .addColumn('upload_name', 'text', required)
    .addPrimaryKeyConstraint('generation_inputs_pkey', ['generation_id', 'node_id', 'input_name'])
    .addForeignKeyConstraint('generation_inputs_media_id_fkey', ['media_id'], 'media', ['id'])
    .execute();
  // A foreign key is checked from both ends: without it, removing one file would read all inputs.
  await schema.createIndex('generation_inputs_by_media').on('generation_inputs').columns(['media_id']).execute();

  await withGeneration(schema.createTable('events'), 'events')
    .addColumn('seq', 'bigint', required)
    .addColumn('type', 'text', required)
    .addColumn('data', 'text', required)
    .addColumn('created_at', 'bigint', required)
    .addPrimaryKeyConstraint('events_pkey', ['generation_id', 'seq'])
    .execute();
}

async function createAttempts(transaction: Transaction<Database>): Promise<void> {
  const { schema } = transaction;
  await withGeneration(schema.createTable('attempts').addColumn('id', 'text', required), 'attempts')
    .addColumn('number', 'bigint', required)
    .addColumn('backend_id', 'text', required)
    .addColumn('epoch', 'bigint', required)
    .addColumn('node_id', 'text', required)
    .addColumn('status', 'text', required)
    .addColumn('claimed_at', 'bigint', required)
    .addColumn('sent_at', 'bigint')
    .addColumn('confirmed_at', 'bigint')
    .addColumn('finished_at', 'bigint')
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .addPrimaryKeyConstraint('attempts_pkey', ['id'])
    .addUniqueConstraint('attempts_number_key', ['generation_id', 'number'])
    .execute();
  // Serves the open attempts of a backend, which are few, however the query says "open".
  await schema
    .createIndex('attempts_by_backend')
    .on('attempts')
    .columns(['backend_id', 'status', 'claimed_at'])
    .execute();

  await withGeneration(schema.createTable('outputs').addColumn('id', 'text', required), 'outputs')
    .addColumn('attempt_id', 'text', required)
    .addColumn('ordinal', 'bigint', required)
    .addColumn('node_id', 'text', required)
    .addColumn('output_key', 'text', required)
    .addColumn('kind', 'text', required)
    .addColumn('filename', 'text', required)
    .addColumn('content_type', 'text', required)
    .addColumn('bytes', 'bigint', required)
    .addColumn('media_id', 'text')
    .addColumn('text', 'text')
    .addPrimaryKeyConstraint('outputs_pkey', ['id'])
    .addUniqueConstraint('outputs_ordinal_key', ['generation_id', 'ordinal'])
    .addForeignKeyConstraint('outputs_media_id_fkey', ['media_id'], 'media', ['id'])
    .execute();
  await schema.createIndex('outputs_by_media').on('outputs').columns(['media_id']).execute();
}

async function createBackends(transaction: Transaction<Database>): Promise<void> {
  await transaction.schema
    .createTable('backends')
    .addColumn('id', 'text', required)
    .addColumn('kind', 'text', required)
    .addColumn('url', 'text', required)
    .addColumn('owner_node', 'text')
    .addColumn('lease_until', 'bigint', required)
    .addColumn('epoch', 'bigint', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('updated_at', 'bigint', required)
    .addPrimaryKeyConstraint('backends_pkey', ['id'])
    .execute();
}

async function createLocks(transaction: Transaction<Database>): Promise<void> {
  await transaction.schema
    .createTable('locks')
    .addColumn('name', 'text', required)
    .addColumn('taken_at', 'bigint', required)
    .addPrimaryKeyConstraint('locks_pkey', ['name'])
    .execute();
}
