import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { FileMediaStore, Media, type MediaOptions, type MediaSettings } from '../../src/media/index.js';
import { OutboundClient } from '../../src/outbound/index.js';

export interface MediaUnderTest {
  readonly media: Media;
  readonly root: string;
  /** Hashes of the objects, sorted. */
  objects(): Promise<string[]>;
  /** Files that are neither objects nor anything else that is known. */
  staged(): Promise<string[]>;
}

/** The service over a folder of its own. Call it inside a `describe`. */
export function useMedia() {
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  return function media(
    db: Db,
    options: Omit<Partial<MediaOptions>, 'settings'> & { readonly settings?: Partial<MediaSettings> } = {},
  ): MediaUnderTest {
    const root = mkdtempSync(join(tmpdir(), 'easel-media-'));
    closers.push(() => rmSync(root, { recursive: true, force: true }));
    const clock: Clock = options.clock ?? systemClock;
    const spool = new FileMediaStore({ root, clock });
    const store = options.store ?? spool;
    const outbound = options.outbound ?? new OutboundClient({ clock });
    closers.push(() => outbound.close());
    const settings = { ...parseConfig({}).media, ...options.settings };
    const identity = { owner: 'test:1:a', isAlive: (owner: string) => owner === 'test:1:a' };
    const media = new Media({
      db,
      clock,
      logger: silentLogger,
      spool,
      identity,
      ...options,
      store,
      outbound,
      settings,
    });
    return {
      media,
      root,
      async objects() {
        const hashes = [];
        for await (const { hash } of store.list()) hashes.push(hash);
        return hashes.sort();
      },
      staged: () => readdir(join(root, 'tmp')).catch(() => []),
    };
  };
}

export type PictureFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'avif';

export function picture(
  format: PictureFormat = 'png',
  width = 48,
  height = 32,
  background = '#3366cc',
): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background } })
    .toFormat(format)
    .toBuffer();
}

/** An animation whose frames differ. */
export async function animation(format: 'gif' | 'webp', frames: number, width = 30, height = 20): Promise<Buffer> {
  const pages = await Promise.all(
    Array.from({ length: frames }, (_, index) => picture('png', width, height, `rgb(${(index * 37) % 256}, 60, 90)`)),
  );
  const delay = pages.map(() => 80);
  const joined = sharp(pages, { join: { animated: true } });
  return format === 'gif' ? joined.gif({ delay }).toBuffer() : joined.webp({ delay }).toBuffer();
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
