import type { Migration } from '../migrate.js';

export const fleet: Migration = {
  version: 5,
  name: '0005-fleet',
  async up() {},
};
