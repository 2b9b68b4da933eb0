import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { FileMediaStore } from '../../src/media/index.js';
import { mediaStoreSuite } from './media-store.js';

describe('FileMediaStore', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  mediaStoreSuite({
    async open(clock = systemClock) {
      const root = mkdtempSync(join(tmpdir(), 'easel-store-'));
      folders.push(root);
      return new FileMediaStore({ root, clock });
    },
    leftovers: async () => (await readdir(join(folders.at(-1) ?? '', 'tmp')).catch(() => [])).length,
  });
});
