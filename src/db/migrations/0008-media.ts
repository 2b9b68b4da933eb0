import type { Migration } from '../migrate.js';

export const media: Migration = {
  version: 8,
  name: '0008-media',
  async up() {},
};
