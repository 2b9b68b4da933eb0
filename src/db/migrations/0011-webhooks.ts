import type { ColumnDefinitionBuilder, SchemaModule } from 'kysely';
import type { Migration } from '../migrate.js';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/** Serves only queries that repeat the condition. */
async function partialIndex(
  schema: SchemaModule,
  name: string,
  columns: string[],
  [column, operator, value]: readonly [string, '=' | 'is not', unknown],
): Promise<void> {
  const index = schema.createIndex(name).on('webhook_deliveries').columns(columns);
  await index.where(column, operator, value).execute();
}

/** Endpoints, the outbox, and the log of tries. */
export const webhooks: Migration = {
  version: 11,
  name: '0011-webhooks',
  async up({ schema }) {
    await schema
      .createTable('webhook_endpoints')
      .addColumn('id', 'text', required)
      .addColumn('account_id', 'text', required)
      .addColumn('url', 'text', required)
      .addColumn('description', 'text', required)
      .addColumn('events', 'text', required)
      .addColumn('secrets', 'text', required)
      .addColumn('enabled', 'bigint', required)
      .addColumn('disabled_reason', 'text')
      .addColumn('failure_count', 'bigint', required)
      .addColumn('failing_since', 'bigint')
      .addColumn('paused_until', 'bigint', required)
      .addColumn('created_at', 'bigint', required)
      .addColumn('updated_at', 'bigint', required)
      .addPrimaryKeyConstraint('webhook_endpoints_pkey', ['id'])
      .execute();
    await schema
      .createIndex('webhook_endpoints_by_account')
      .on('webhook_endpoints')
      .columns(['account_id', 'id'])
      .execute();

    await schema
      .createTable('webhook_subscriptions')
      .addColumn('account_id', 'text', required)
      .addColumn('type', 'text', required)
      .addColumn('endpoint_id', 'text', required)
      .addPrimaryKeyConstraint('webhook_subscriptions_pkey', ['account_id', 'type', 'endpoint_id'])
      .execute();
    await schema
      .createIndex('webhook_subscriptions_by_endpoint')
      .on('webhook_subscriptions')
      .column('endpoint_id')
      .execute();

    await schema
      .createTable('webhook_deliveries')
      .addColumn('endpoint_id', 'text', required)
      .addColumn('message_id', 'text', required)
      .addColumn('account_id', 'text', required)
      .addColumn('generation_id', 'text')
      .addColumn('seq', 'bigint', required)
      .addColumn('type', 'text', required)
      .addColumn('event_at', 'bigint', required)
      .addColumn('status', 'text', required)
      .addColumn('attempt_count', 'bigint', required)
      .addColumn('next_at', 'bigint', required)
      .addColumn('lease_until', 'bigint', required)
      .addColumn('lease_token', 'text')
      .addColumn('last_status', 'bigint')
      .addColumn('last_error', 'text')
      .addColumn('created_at', 'bigint', required)
      .addColumn('finished_at', 'bigint')
      .addPrimaryKeyConstraint('webhook_deliveries_pkey', ['endpoint_id', 'message_id'])
      .execute();
    // What is due; whether an earlier event of the same generation is still to go; what has been done long enough ago.
    const isPending = ['status', '=', 'pending'] as const;
    await partialIndex(schema, 'webhook_deliveries_due', ['next_at', 'endpoint_id', 'message_id'], isPending);
    await partialIndex(schema, 'webhook_deliveries_order', ['endpoint_id', 'generation_id', 'seq'], isPending);
    await partialIndex(
      schema,
      'webhook_deliveries_finished',
      ['finished_at', 'endpoint_id', 'message_id'],
      ['finished_at', 'is not', null],
    );
    await schema
      .createIndex('webhook_deliveries_log')
      .on('webhook_deliveries')
      .columns(['endpoint_id', 'created_at', 'message_id'])
      .execute();

    await schema
      .createTable('webhook_attempts')
      .addColumn('endpoint_id', 'text', required)
      .addColumn('message_id', 'text', required)
      .addColumn('number', 'bigint', required)
      .addColumn('at', 'bigint', required)
      .addColumn('duration_ms', 'bigint', required)
      .addColumn('status', 'bigint')
      .addColumn('error', 'text')
      .addColumn('answer', 'text')
      .addPrimaryKeyConstraint('webhook_attempts_pkey', ['endpoint_id', 'message_id', 'number'])
      .execute();
  },
};
