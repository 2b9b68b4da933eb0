import type { Migration } from '../migrate.js';

export const access: Migration = {
  version: 10,
  name: '0010-access',
  async up() {},
};
