import type { Migration } from '../migrate.js';

/** What a source no longer has is turned off, and must be told from what a person turned off. */
export const workflowSources: Migration = {
  version: 7,
  name: '0007-workflow-sources',
  async up({ schema }) {
    await schema.alterTable('workflows').addColumn('gone_at', 'bigint').execute();
    await schema.alterTable('workflow_deployments').addColumn('gone_at', 'bigint').execute();
  },
};
