import type { ColumnDefinitionBuilder } from 'kysely';
import type { Migration } from '../migrate.js';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/** Keys of the API, and what follows generations across nodes and accounts. */
export const access: Migration = {
  version: 10,
  name: '0010-access',
  async up({ schema }) {
    await schema
      .createTable('api_keys')
      .addColumn('id', 'text', required)
      .addColumn('account_id', 'text', required)
      .addColumn('name', 'text', required)
      .addColumn('prefix', 'text', required)
      .addColumn('hash', 'text', required)
      .addColumn('scopes', 'text', required)
      .addColumn('budget_key', 'text', required)
      .addColumn('rate_per_minute', 'bigint')
      .addColumn('max_concurrent', 'bigint')
      .addColumn('created_at', 'bigint', required)
      .addColumn('expires_at', 'bigint')
      .addColumn('revoked_at', 'bigint')
      .addColumn('last_used_at', 'bigint')
      .addPrimaryKeyConstraint('api_keys_pkey', ['id'])
      .addUniqueConstraint('api_keys_hash_key', ['hash'])
      .execute();
    await schema.createIndex('api_keys_by_account').on('api_keys').columns(['account_id', 'id']).execute();

    await schema
      .createTable('live_wishes')
      .addColumn('generation_id', 'text', required)
      .addColumn('wanted_until', 'bigint', required)
      .addPrimaryKeyConstraint('live_wishes_pkey', ['generation_id'])
      .execute();
    await schema
      .createTable('live_states')
      .addColumn('generation_id', 'text', required)
      .addColumn('kind', 'text', required)
      .addColumn('revision', 'bigint', required)
      .addColumn('at', 'bigint', required)
      .addColumn('data', 'text', required)
      .addPrimaryKeyConstraint('live_states_pkey', ['generation_id', 'kind'])
      .execute();
    // For the events of an account, which are found by their time.
    await schema.createIndex('events_by_time').on('events').columns(['created_at', 'generation_id', 'seq']).execute();
  },
};
