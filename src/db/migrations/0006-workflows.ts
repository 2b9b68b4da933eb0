import type { Migration } from '../migrate.js';

export const workflows: Migration = {
  version: 6,
  name: '0006-workflows',
  async up() {},
};
