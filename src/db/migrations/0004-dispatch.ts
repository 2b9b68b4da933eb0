import type { Migration } from '../migrate.js';

export const dispatch: Migration = {
  version: 4,
  name: '0004-dispatch',
  async up() {},
};
