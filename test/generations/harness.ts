import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { type GenerationRequest, Generations, type GenerationsOptions } from '../../src/generations/index.js';
import type { Graph } from '../../src/graph/index.js';
import { FileMediaStore } from '../../src/media/index.js';
import { FakeBackend } from '../../src/testing/index.js';

export const ACCOUNT = 'account-1';

export const GRAPH: Graph = {
  '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 255 } },
  '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'test' } },
};

export function request(more: Partial<GenerationRequest> = {}): GenerationRequest {
  return { accountId: ACCOUNT, graph: GRAPH, ...more };
}

export interface Node {
  readonly generations: Generations;
  readonly backend: FakeBackend;
  readonly media: FileMediaStore;
  readonly mediaRoot: string;
}

/** Nodes on one database, with quick retries and ticks; stopped after each test, newest first. */
export function useNodes() {
  const cleanups: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const makeFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), 'easel-generations-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  };
  return {
    async node(
      db: Db,
      options: Partial<GenerationsOptions> & { readonly backend?: FakeBackend; readonly mediaRoot?: string } = {},
    ): Promise<Node> {
      const backend = options.backend ?? new FakeBackend();
      const mediaRoot = options.mediaRoot ?? makeFolder();
      const media = new FileMediaStore({ root: mediaRoot, clock: systemClock });
      const generations = new Generations({
        db,
        media,
        clock: systemClock,
        logger: silentLogger,
        backends: [{ backend }],
        instance: newId(),
        ...options,
        retry: { baseDelayMs: 5, maxDelayMs: 20, ...options.retry },
        timing: { tickMs: 50, leaseMs: 3_000, maxHealthPauseMs: 50, ...options.timing },
      });
      await backend.start();
      await generations.start();
      cleanups.push(() => generations.stop());
      return { generations, backend, media, mediaRoot };
    },
  };
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
