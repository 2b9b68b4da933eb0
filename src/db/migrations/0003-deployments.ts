import type { Migration } from '../migrate.js';

export const deployments: Migration = {
  version: 3,
  name: '0003-deployments',
  async up() {},
};
