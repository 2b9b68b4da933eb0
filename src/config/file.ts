import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../core/errors.js';

export const CONFIG_FILE_NAMES = ['json', 'mjs', 'js', 'ts', 'mts'].map((extension) => `easel.config.${extension}`);

export interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * The configuration file in `folder`, or the one that `named` points to; null when there is none and none was named.
 * Throws ConfigError `config_invalid`.
 */
export async function readConfigFile(folder: string, named?: string): Promise<ConfigFile | null> {
  const path = named === undefined ? findIn(folder) : resolve(folder, named);
  if (path === null) return null;
  if (!existsSync(path)) throw fileError(path, 'there is no such file', 'Correct the path, or leave it out.');
  const content = extname(path) === '.json' ? readJson(path) : await importDefault(path);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw fileError(path, 'it does not hold an object', 'Write { … } in JSON, or `export default { … }` in a module.');
  }
  // `$schema` is for editors.
  const { $schema: _, ...values } = content as Record<string, unknown>;
  return { path, values };
}

function findIn(folder: string): string | null {
  const found = CONFIG_FILE_NAMES.map((name) => join(folder, name)).filter((path) => existsSync(path));
  if (found.length > 1) {
    const names = found.map((path) => basename(path)).join(' and ');
    throw new ConfigError('config_invalid', `There are several configuration files: ${names}.`, {
      hint: 'Keep one of them.',
    });
  }
  return found[0] ?? null;
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    throw fileError(
      path,
      reasonOf(error),
      'It must be JSON: names in double quotes, no comments, no trailing comma.',
      error,
    );
  }
}

async function importDefault(path: string): Promise<unknown> {
  const module = /\.m?ts$/.test(path) ? await importTypeScript(path) : await importModule(path);
  return module['default'];
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    throw fileError(path, reasonOf(error), 'It must be an ES module with a default export.', error);
  }
}

/**
 * Node runs TypeScript by itself from 22.18 on. On an older one the file is transpiled with esbuild where that is
 * installed; Easel does not bring it along, because a plain `.mjs` or `.json` does the same job.
 */
async function importTypeScript(path: string): Promise<Record<string, unknown>> {
  if ((process.features as { typescript?: unknown }).typescript) return importModule(path);
  const transform = await findTranspiler();
  if (transform === null) {
    throw fileError(
      path,
      `Node ${process.versions.node} cannot run TypeScript`,
      'Rename it to easel.config.mjs and write plain JavaScript (types: /** @type {import("easel").ConfigInput} */), or use Node 22.18 or newer, or install esbuild.',
    );
  }
  // Beside the original, so that its relative imports and its packages are found.
  const transpiled = join(dirname(path), `.${basename(path)}.${process.pid}.${Date.now()}.mjs`);
  try {
    await writeFile(transpiled, await transform(readFileSync(path, 'utf8')));
    return await import(pathToFileURL(transpiled).href);
  } catch (error) {
    throw fileError(path, reasonOf(error), 'It must be an ES module with a default export.', error);
  } finally {
    await rm(transpiled, { force: true });
  }
}

async function findTranspiler(): Promise<((source: string) => Promise<string>) | null> {
  try {
    const { transform } = await import('esbuild');
    return async (source) => (await transform(source, { loader: 'ts', format: 'esm', target: 'node20' })).code;
  } catch {
    return null;
  }
}

function fileError(path: string, reason: string, hint: string, cause?: unknown): ConfigError {
  return new ConfigError('config_invalid', `The configuration file ${path} cannot be used: ${reason}.`, {
    hint,
    cause,
  });
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
