import type { Migration } from '../migrate.js';

export const workflowSources: Migration = {
  version: 7,
  name: '0007-workflow-sources',
  async up() {},
};
