import type { ColumnDefinitionBuilder, SchemaModule, Transaction } from 'kysely';
import type { Migration } from '../migrate.js';
import type { Database } from '../schema.js';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/** Sessions and the waiting room. */
export const sessions: Migration = {
  version: 9,
  name: '0009-sessions',
  async up(transaction) {
    await createSessions(transaction);
    await createLinking(transaction);
    await createWaitingRoom(transaction);
  },
};

async function createSessions({ schema }: Transaction<Database>): Promise<void> {
  await schema
    .createTable('session_identities')
    .addColumn('id', 'text', required)
    .addColumn('platform', 'text', required)
    .addColumn('user_id', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('created_at', 'bigint', required)
    .addPrimaryKeyConstraint('session_identities_pkey', ['id'])
    .addUniqueConstraint('session_identities_user_key', ['platform', 'user_id'])
    .execute();
  await schema
    .createIndex('session_identities_by_account')
    .on('session_identities')
    .columns(['account_id', 'id'])
    .execute();

  await schema
    .createTable('sessions')
    .addColumn('id', 'text', required)
    .addColumn('identity_id', 'text', required)
    .addColumn('revision', 'bigint', required)
    .addColumn('idle_ms', 'bigint', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('touched_at', 'bigint', required)
    .addColumn('expires_at', 'bigint', required)
    .addPrimaryKeyConstraint('sessions_pkey', ['id'])
    .addUniqueConstraint('sessions_identity_key', ['identity_id'])
    .addForeignKeyConstraint('sessions_identity_id_fkey', ['identity_id'], 'session_identities', ['id'], (key) =>
      key.onDelete('cascade'),
    )
    .execute();
  await schema.createIndex('sessions_by_expiry').on('sessions').columns(['expires_at', 'id']).execute();

  await schema
    .createTable('session_values')
    .addColumn('session_id', 'text', required)
    .addColumn('name', 'text', required)
    .addColumn('value', 'text', required)
    .addColumn('bytes', 'bigint', required)
    .addColumn('updated_at', 'bigint', required)
    .addPrimaryKeyConstraint('session_values_pkey', ['session_id', 'name'])
    .addForeignKeyConstraint('session_values_session_id_fkey', ['session_id'], 'sessions', ['id'], (key) =>
      key.onDelete('cascade'),
    )
    .execute();

  await schema
    .createTable('session_preferences')
    .addColumn('account_id', 'text', required)
    .addColumn('name', 'text', required)
    .addColumn('value', 'text', required)
    .addColumn('updated_at', 'bigint', required)
    .addPrimaryKeyConstraint('session_preferences_pkey', ['account_id', 'name'])
    .execute();

  // No foreign key: events outlive their session by minutes.
  await schema
    .createTable('session_events')
    .addColumn('session_id', 'text', required)
    .addColumn('seq', 'bigint', required)
    .addColumn('type', 'text', required)
    .addColumn('platform', 'text', required)
    .addColumn('user_id', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('data', 'text', required)
    .addColumn('at', 'bigint', required)
    .addPrimaryKeyConstraint('session_events_pkey', ['session_id', 'seq'])
    .execute();
  await schema
    .createIndex('session_events_by_time')
    .on('session_events')
    .columns(['at', 'session_id', 'seq'])
    .execute();
}

async function createLinking({ schema }: Transaction<Database>): Promise<void> {
  await schema
    .createTable('session_link_codes')
    .addColumn('hash', 'text', required)
    .addColumn('account_id', 'text', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('expires_at', 'bigint', required)
    .addPrimaryKeyConstraint('session_link_codes_pkey', ['hash'])
    .addUniqueConstraint('session_link_codes_account_key', ['account_id'])
    .execute();
  await schema.createIndex('session_link_codes_by_expiry').on('session_link_codes').columns(['expires_at']).execute();

  await schema
    .createTable('session_link_attempts')
    .addColumn('identity_id', 'text', required)
    .addColumn('failures', 'bigint', required)
    .addColumn('since', 'bigint', required)
    .addPrimaryKeyConstraint('session_link_attempts_pkey', ['identity_id'])
    .execute();
  await schema.createIndex('session_link_attempts_by_time').on('session_link_attempts').columns(['since']).execute();
}

async function createWaitingRoom({ schema }: Transaction<Database>): Promise<void> {
  await schema
    .createTable('account_gates')
    .addColumn('account_id', 'text', required)
    .addColumn('merged_into', 'text')
    .addColumn('passed_at', 'bigint', required)
    .addPrimaryKeyConstraint('account_gates_pkey', ['account_id'])
    .execute();
  await schema.alterTable('generations').addColumn('session_id', 'text').execute();
  // What is counted at each submit is what is open, however long the history of the account.
  await indexWhereNull(
    schema,
    'generations_open',
    'generations',
    ['account_id', 'session_id', 'status'],
    'finished_at',
  );
}

async function indexWhereNull(
  schema: SchemaModule,
  name: string,
  table: string,
  columns: string[],
  column: string,
): Promise<void> {
  await schema.createIndex(name).on(table).columns(columns).where(column, 'is', null).execute();
}
