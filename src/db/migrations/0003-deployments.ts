import type { ColumnDefinitionBuilder } from 'kysely';
import type { Migration } from '../migrate.js';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/** Generations that run by deployment id, on backends that choose the run id themselves and report it by webhook. */
export const deployments: Migration = {
  version: 3,
  name: '0003-deployments',
  async up({ schema }) {
    await schema.alterTable('generations').addColumn('deployment_id', 'text').execute();
    await schema.alterTable('generation_payloads').addColumn('deployment', 'text').execute();
    await schema.alterTable('attempts').addColumn('backend_run_id', 'text').execute();

    await schema
      .createTable('run_reports')
      .addColumn('attempt_id', 'text', required)
      .addColumn('run_id', 'text')
      .addColumn('seq', 'bigint', required)
      .addColumn('received_at', 'bigint', required)
      .addPrimaryKeyConstraint('run_reports_pkey', ['attempt_id'])
      .addForeignKeyConstraint('run_reports_attempt_id_fkey', ['attempt_id'], 'attempts', ['id'], (key) =>
        key.onDelete('cascade'),
      )
      .execute();

    await schema
      .createTable('secrets')
      .addColumn('name', 'text', required)
      .addColumn('value', 'text', required)
      .addColumn('created_at', 'bigint', required)
      .addPrimaryKeyConstraint('secrets_pkey', ['name'])
      .execute();
  },
};
