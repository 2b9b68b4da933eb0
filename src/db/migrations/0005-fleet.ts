import type { ColumnDefinitionBuilder } from 'kysely';
import type { Migration } from '../migrate.js';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/** What everybody may know of a backend, the nodes of the fleet, and which backends a waiting generation stays away from. */
export const fleet: Migration = {
  version: 5,
  name: '0005-fleet',
  async up({ schema }) {
    const text = (name: string, value: string) =>
      schema
        .alterTable('backends')
        .addColumn(name, 'text', (column) => column.notNull().defaultTo(value))
        .execute();
    const number = (name: string) =>
      schema
        .alterTable('backends')
        .addColumn(name, 'bigint', (column) => column.notNull().defaultTo(0))
        .execute();
    await text('origin', 'config');
    await text('desired', 'active');
    await text('state', 'booting');
    await number('state_since');
    await number('vram_bytes');
    await number('settings_version');
    await schema.alterTable('backends').addColumn('state_detail', 'text').execute();
    await schema.alterTable('backends').addColumn('settings', 'text').execute();

    await schema
      .createTable('nodes')
      .addColumn('id', 'text', required)
      .addColumn('backends', 'text', required)
      .addColumn('alive_until', 'bigint', required)
      .addPrimaryKeyConstraint('nodes_pkey', ['id'])
      .execute();

    await schema
      .createTable('generation_avoids')
      .addColumn('generation_id', 'text', required)
      .addColumn('backend_id', 'text', required)
      .addColumn('created_at', 'bigint', required)
      .addPrimaryKeyConstraint('generation_avoids_pkey', ['generation_id', 'backend_id'])
      .addForeignKeyConstraint(
        'generation_avoids_generation_id_fkey',
        ['generation_id'],
        'generations',
        ['id'],
        (constraint) => constraint.onDelete('cascade'),
      )
      .execute();
  },
};
