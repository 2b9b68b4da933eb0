import type { ColumnDefinitionBuilder, CreateTableBuilder, SchemaModule } from 'kysely';
import type { Migration } from '../migrate.js';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/** Rows that go with their workflow. */
function withWorkflow<T extends string, C extends string>(table: CreateTableBuilder<T, C>, name: string) {
  return table
    .addColumn('workflow_name', 'text', required)
    .addForeignKeyConstraint(`${name}_workflow_name_fkey`, ['workflow_name'], 'workflows', ['name'], (key) =>
      key.onDelete('cascade'),
    );
}

/** Workflows, their versions, labels, aliases and deployments; what a generation was bound with. */
export const workflows: Migration = {
  version: 6,
  name: '0006-workflows',
  async up({ schema }) {
    await schema
      .createTable('workflows')
      .addColumn('name', 'text', required)
      .addColumn('title', 'text')
      .addColumn('description', 'text')
      .addColumn('type', 'text')
      .addColumn('enabled', 'bigint', required)
      .addColumn('source', 'text', required)
      .addColumn('latest_hash', 'text', required)
      .addColumn('version_count', 'bigint', required)
      .addColumn('created_at', 'bigint', required)
      .addColumn('updated_at', 'bigint', required)
      .addPrimaryKeyConstraint('workflows_pkey', ['name'])
      .execute();
    await schema.createIndex('workflows_by_type').on('workflows').columns(['type', 'name']).execute();
    await schema.createIndex('workflows_by_source').on('workflows').columns(['source', 'name']).execute();

    await withWorkflow(schema.createTable('workflow_versions'), 'workflow_versions')
      .addColumn('hash', 'text', required)
      .addColumn('number', 'bigint', required)
      .addColumn('graph', 'text', required)
      .addColumn('interface', 'text', required)
      .addColumn('ui_workflow', 'text')
      .addColumn('source_hash', 'text', required)
      .addColumn('note', 'text')
      .addColumn('created_at', 'bigint', required)
      .addPrimaryKeyConstraint('workflow_versions_pkey', ['workflow_name', 'hash'])
      .addUniqueConstraint('workflow_versions_number_key', ['workflow_name', 'number'])
      .execute();

    await withWorkflow(schema.createTable('workflow_labels'), 'workflow_labels')
      .addColumn('label', 'text', required)
      .addColumn('seq', 'bigint', required)
      .addColumn('hash', 'text', required)
      .addColumn('is_current', 'bigint', required)
      .addColumn('previous_seq', 'bigint')
      .addColumn('created_at', 'bigint', required)
      .addPrimaryKeyConstraint('workflow_labels_pkey', ['workflow_name', 'label', 'seq'])
      .execute();

    await schema
      .createTable('workflow_aliases')
      .addColumn('alias', 'text', required)
      .addColumn('workflow_name', 'text', required)
      .addPrimaryKeyConstraint('workflow_aliases_pkey', ['alias'])
      .addForeignKeyConstraint('workflow_aliases_workflow_name_fkey', ['workflow_name'], 'workflows', ['name'], (key) =>
        key.onDelete('cascade'),
      )
      .execute();
    await schema
      .createIndex('workflow_aliases_by_workflow')
      .on('workflow_aliases')
      .columns(['workflow_name'])
      .execute();

    await createDeployments(schema);

    await withWorkflow(schema.createTable('workflow_seeds'), 'workflow_seeds')
      .addColumn('account_id', 'text', required)
      .addColumn('input', 'text', required)
      .addColumn('seed', 'text', required)
      .addPrimaryKeyConstraint('workflow_seeds_pkey', ['workflow_name', 'account_id', 'input'])
      .execute();

    // One statement each: SQLite adds one column at a time.
    await schema.alterTable('generation_payloads').addColumn('inputs', 'text').execute();
    await schema.alterTable('generation_payloads').addColumn('changes', 'text').execute();
  },
};

async function createDeployments(schema: SchemaModule): Promise<void> {
  await withWorkflow(schema.createTable('workflow_deployments'), 'workflow_deployments')
    .addColumn('id', 'text', required)
    .addColumn('version', 'text')
    .addColumn('target_kind', 'text', required)
    .addColumn('backend_id', 'text')
    .addColumn('external_id', 'text')
    .addColumn('contexts', 'text', required)
    .addColumn('weight', 'bigint', required)
    .addColumn('enabled', 'bigint', required)
    .addColumn('source', 'text', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('updated_at', 'bigint', required)
    .addPrimaryKeyConstraint('workflow_deployments_pkey', ['id'])
    .execute();
  await schema
    .createIndex('workflow_deployments_by_workflow')
    .on('workflow_deployments')
    .columns(['workflow_name', 'id'])
    .execute();
}
