import type { ColumnDefinitionBuilder } from 'kysely';
import type { Migration } from '../migrate.js';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/** Files by account, what is known of their content, derived files, and the removals under way. */
export const media: Migration = {
  version: 8,
  name: '0008-media',
  async up({ schema }) {
    await schema.alterTable('media').addColumn('filename', 'text').execute();
    await schema.alterTable('media').addColumn('source', 'text').execute();
    await schema.alterTable('media').addColumn('pinned_at', 'bigint').execute();
    await schema.createIndex('media_by_account').on('media').columns(['account_id', 'id']).execute();

    await schema
      .createTable('media_facts')
      .addColumn('hash', 'text', required)
      .addColumn('width', 'bigint')
      .addColumn('height', 'bigint')
      .addColumn('frames', 'bigint')
      .addColumn('blurhash', 'text')
      .addColumn('created_at', 'bigint', required)
      .addPrimaryKeyConstraint('media_facts_pkey', ['hash'])
      .execute();

    await schema
      .createTable('media_derived')
      .addColumn('source_hash', 'text', required)
      .addColumn('recipe', 'text', required)
      .addColumn('hash', 'text', required)
      .addColumn('bytes', 'bigint', required)
      .addColumn('content_type', 'text', required)
      .addColumn('width', 'bigint')
      .addColumn('height', 'bigint')
      .addColumn('created_at', 'bigint', required)
      .addColumn('used_at', 'bigint', required)
      .addPrimaryKeyConstraint('media_derived_pkey', ['source_hash', 'recipe'])
      .execute();
    await schema.createIndex('media_derived_by_hash').on('media_derived').columns(['hash']).execute();
    await schema.createIndex('media_derived_by_use').on('media_derived').columns(['used_at', 'source_hash']).execute();

    await schema
      .createTable('media_removals')
      .addColumn('hash', 'text', required)
      .addColumn('until', 'bigint', required)
      .addPrimaryKeyConstraint('media_removals_pkey', ['hash'])
      .execute();
  },
};
