import type { Migration } from '../migrate.js';

export const sessions: Migration = {
  version: 9,
  name: '0009-sessions',
  async up() {},
};
