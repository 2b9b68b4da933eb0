import { mkdir, open, readdir } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, relative, resolve } from 'node:path';
import { NodeException } from './node.js';

/**
 * How save nodes name their files (comfyui.md 3, "File names"): `<prefix>_<5-digit counter>_.<ext>`, where the counter
 * is one more than the highest in the folder. The prefix may name a subfolder and holds tokens like `%width%`.
 */
export interface SaveNames {
  /** Absolute folder; exists. */
  readonly folder: string;
  /** As reported with the file: relative to the base folder, `/` between parts, '' for the base folder itself. */
  readonly subfolder: string;
  /** The file name of the prefix, tokens replaced except `%batch_num%`. */
  readonly stem: string;
  /** First free counter when the folder was read. */
  readonly counter: number;
  /** File name for picture `index` (0-based) of this run, without claiming it. */
  fileName(index: number, extension: string): string;
  /**
   * Claims a file name by creating the empty file, so that two engines which share a folder never write into one file.
   * Counts on until a name is free. Returns the file name.
   */
  claim(batchIndex: number, extension: string): Promise<string>;
}

export interface SaveNamesOptions {
  /** Absolute base folder: the output or temp folder of the engine. */
  readonly baseFolder: string;
  readonly prefix: string;
  /** Size of the first picture, for `%width%` and `%height%`; 0 when there is none. */
  readonly width?: number;
  readonly height?: number;
  readonly now: Date;
}

/**
 * Prepares the folder and the names for one run of a save node. Throws a `NodeException` of type `Exception` when the
 * prefix leaves the base folder, with the words of a real server.
 */
export async function saveNames(options: SaveNamesOptions): Promise<SaveNames> {
  const base = resolve(options.baseFolder);
  const path = normalize(replaceTokens(options.prefix, options));
  const stem = basename(path);
  const parent = dirname(path);
  const folder = resolve(base, parent === '.' ? '' : parent);
  if (!isInside(base, folder) || stem === '..') throw outsideError(base, folder);
  await mkdir(folder, { recursive: true });
  let next = (await highestCounter(folder, stem)) + 1;
  const counter = next;
  const name = (count: number, batchIndex: number, extension: string) =>
    `${stem.replaceAll('%batch_num%', String(batchIndex))}_${String(count).padStart(5, '0')}_.${extension}`;
  return {
    folder,
    subfolder: relative(base, folder).replaceAll('\\', '/'),
    stem,
    counter,
    fileName: (index, extension) => name(counter + index, index, extension),
    async claim(batchIndex, extension) {
      for (;;) {
        const candidate = name(next++, batchIndex, extension);
        if (await createNew(join(folder, candidate))) return candidate;
      }
    },
  };
}

/** True when `path` is `base` or lies below it. Both absolute. */
export function isInside(base: string, path: string): boolean {
  const way = relative(base, path);
  return way === '' || (way !== '..' && !way.startsWith('../') && !way.startsWith('..\\') && !isAbsolute(way));
}

function outsideError(base: string, folder: string): NodeException {
  let common = dirname(folder);
  while (!isInside(common, base)) common = dirname(common);
  return new NodeException(
    'Exception',
    '**** ERROR: Saving image outside the output folder is not allowed.' +
      `\n full_output_folder: ${folder}\n         output_dir: ${base}\n         commonpath: ${common}`,
  );
}

function replaceTokens(prefix: string, options: SaveNamesOptions): string {
  if (!prefix.includes('%')) return prefix;
  const { now } = options;
  const two = (value: number) => String(value).padStart(2, '0');
  const values: Readonly<Record<string, string>> = {
    '%width%': String(options.width ?? 0),
    '%height%': String(options.height ?? 0),
    '%year%': String(now.getFullYear()),
    '%month%': two(now.getMonth() + 1),
    '%day%': two(now.getDate()),
    '%hour%': two(now.getHours()),
    '%minute%': two(now.getMinutes()),
    '%second%': two(now.getSeconds()),
  };
  return prefix.replace(/%[a-z]+%/g, (token) => values[token] ?? token);
}

async function highestCounter(folder: string, stem: string): Promise<number> {
  const start = `${stem}_`;
  let highest = 0;
  for (const file of await readdir(folder)) {
    if (!file.startsWith(start)) continue;
    const digits = /^\d+/.exec(file.slice(start.length));
    if (digits) highest = Math.max(highest, Number(digits[0]));
  }
  return highest;
}

async function createNew(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
