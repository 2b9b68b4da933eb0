import type { ColumnDefinitionBuilder, Transaction } from 'kysely';
import type { Migration } from '../migrate.js';
import type { Database } from '../schema.js';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/**
 * A queue is what statistics know least about: most rows have ended when they are taken, and a planner that expects one
 * waiting row takes any index over waiting rows, among 200,000 of them. So each has a condition that only its own query
 * meets, and there is nothing to choose from.
 */
async function replaceWaitingIndexes({ schema }: Transaction<Database>): Promise<void> {
  for (const name of ['order', 'available', 'deadline'])
    await schema.dropIndex(`generations_waiting_${name}`).execute();
  const waiting = (name: string, columns: string[]) =>
    schema.createIndex(`generations_waiting_${name}`).on('generations').columns(columns).where('status', '=', 'queued');
  await waiting('due', ['lane', 'vstart', 'id']).where('vstart', 'is not', null).execute();
  // Always true. A query says it too, because SQLite takes an index only for what is written; and of another column than
  // it walks along, because SQLite would take the wrong one of two lower bounds.
  await waiting('model', ['lane', 'model_key', 'vstart', 'id']).where('model_key', '>=', '').execute();
  await waiting('needs', ['lane', 'needs_key', 'vstart', 'id']).where('created_at', '>=', 0).execute();
  await waiting('account', ['lane', 'account_id']).where('updated_at', '>=', 0).execute();
  await waiting('deadline', ['queue_deadline_at']).where('queue_deadline_at', '>=', 0).execute();
}

/**
 * Who is due, what models cost, what a backend lacks. Every read of a claim is served by one of the partial indexes over
 * waiting generations, so that its cost does not depend on how many wait.
 */
export const dispatch: Migration = {
  version: 4,
  name: '0004-dispatch',
  async up(transaction) {
    const { schema } = transaction;
    // Null only in rows from before; those that still wait get values, since the databases disagree on where null sorts.
    await schema.alterTable('generations').addColumn('needs_key', 'text').execute();
    await schema.alterTable('generations').addColumn('vstart', 'bigint').execute();
    await schema.alterTable('generations').addColumn('estimate_ms', 'bigint').execute();
    await transaction
      .updateTable('generations')
      .set({ needs_key: '', vstart: 0, estimate_ms: 0 })
      .where('status', '=', 'queued')
      .execute();
    await schema.alterTable('backends').addColumn('dispatch', 'text').execute();

    await replaceWaitingIndexes(transaction);

    await schema
      .createTable('dispatch_lanes')
      .addColumn('name', 'text', required)
      .addColumn('v', 'bigint', required)
      .addPrimaryKeyConstraint('dispatch_lanes_pkey', ['name'])
      .execute();
    await schema
      .createTable('dispatch_accounts')
      .addColumn('account_id', 'text', required)
      .addColumn('lane', 'bigint', required)
      .addColumn('vfinish', 'bigint', required)
      .addColumn('updated_at', 'bigint', required)
      .addPrimaryKeyConstraint('dispatch_accounts_pkey', ['account_id', 'lane'])
      .execute();
    await schema
      .createTable('dispatch_models')
      .addColumn('model_key', 'text', required)
      .addColumn('facts', 'text', required)
      .addColumn('updated_at', 'bigint', required)
      .addPrimaryKeyConstraint('dispatch_models_pkey', ['model_key'])
      .execute();
    await schema
      .createTable('dispatch_needs')
      .addColumn('needs_key', 'text', required)
      .addColumn('model_key', 'text', required)
      .addColumn('needs', 'text', required)
      .addColumn('used_at', 'bigint', required)
      .addPrimaryKeyConstraint('dispatch_needs_pkey', ['needs_key'])
      .execute();
    await schema.createIndex('dispatch_needs_by_use').on('dispatch_needs').columns(['used_at']).execute();
    await schema
      .createTable('dispatch_refusals')
      .addColumn('backend_id', 'text', required)
      .addColumn('needs_key', 'text', required)
      .addColumn('reason', 'text', required)
      .addPrimaryKeyConstraint('dispatch_refusals_pkey', ['backend_id', 'needs_key'])
      .execute();
    await schema.createIndex('dispatch_refusals_by_needs').on('dispatch_refusals').columns(['needs_key']).execute();
  },
};
