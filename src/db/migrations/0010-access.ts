import type { ColumnDefinitionBuilder } from 'kysely';
import type { Migration } from '../migrate.js';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/** Keys of the API. */
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
  },
};
