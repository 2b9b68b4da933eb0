import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import { nearestNames } from '../../graph/index.js';
import { usage } from '../values.js';

/**
 * Where outputs go.
 *
 *   --out picture.png            one output: that file, replaced if there; several: picture-1.png, picture-2.png, ...
 *   --out pictures/              (a folder, or something that ends in a slash) <workflow>-<n>.<ext> in it
 *   --out '{name}-{seed}.{ext}'  a pattern
 *   without                      easel-out/<workflow>-<n>.<ext>
 *
 * But for the first case a file that is there is never replaced, unless `--force` says so: numbers go on after the highest.
 */
export interface OutputTarget {
  readonly kind: 'file' | 'pattern';
  /** Absolute; with placeholders for a pattern. */
  readonly path: string;
  readonly force: boolean;
}

export interface OutputNaming {
  readonly name: string;
  /** Of the first seed of the graph. */
  readonly seed: bigint | number | null;
  readonly nodeId: string;
  /** With its dot. */
  readonly extension: string;
}

export interface NamedOutput {
  /** To be tried in turn until one is free. */
  readonly candidates: Iterable<string>;
  readonly replace: boolean;
}

const PLACEHOLDERS = ['name', 'n', 'seed', 'node', 'ext'];
const PLACEHOLDER = /\{([^{}]*)\}/g;
const DEFAULT_FOLDER = 'easel-out';

/** Throws `usage_invalid` for an unknown placeholder. */
export function readOutputTarget(
  out: string | undefined,
  options: { readonly cwd: string; readonly force: boolean },
): OutputTarget {
  const { cwd, force } = options;
  const inFolder = (folder: string): OutputTarget => ({
    kind: 'pattern',
    // Braces in the folder's own name are no placeholders.
    path: join(protect(folder), '{name}-{n}.{ext}'),
    force,
  });
  if (out === undefined) return inFolder(join(cwd, DEFAULT_FOLDER));
  if (out.trim() === '') throw usage('--out is empty.', 'Give a file, a folder or a pattern.');
  const path = resolve(cwd, out);
  if (/[\\/]$/.test(out) || isFolder(path)) return inFolder(path);
  const named = [...out.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');
  if (named.length === 0) return { kind: 'file', path, force };
  for (const placeholder of named) {
    if (PLACEHOLDERS.includes(placeholder)) continue;
    const near = nearestNames(placeholder, PLACEHOLDERS, 1)[0];
    throw usage(
      `--out: {${placeholder}} is not a placeholder.${near === undefined ? '' : ` Did you mean {${near}}?`}`,
      `There are ${PLACEHOLDERS.map((known) => `{${known}}`).join(', ')}.`,
    );
  }
  return { kind: 'pattern', path: join(protect(cwd), out), force };
}

/** Names for all outputs of one run, in order. */
export function nameOutputs(target: OutputTarget, outputs: readonly OutputNaming[]): NamedOutput[] {
  const [only] = outputs;
  if (target.kind === 'file' && outputs.length === 1 && only !== undefined) {
    const path = extname(target.path) === '' ? `${target.path}${only.extension}` : target.path;
    return [{ candidates: [path], replace: true }];
  }
  const taken = new Set<string>();
  return outputs.map((output) => ({
    candidates: candidates(templateOf(target, outputs.length), output, target.force, taken),
    replace: target.force,
  }));
}

/** The folder that must exist before the work begins, as far as it is known. */
export function folderOf(target: OutputTarget): string {
  const folder = dirname(target.path);
  const firstPlaceholder = folder.search(PLACEHOLDER);
  if (target.kind === 'file') return folder;
  return unprotect(firstPlaceholder === -1 ? folder : dirname(`${folder.slice(0, firstPlaceholder)}x`));
}

function templateOf(target: OutputTarget, count: number): string {
  if (target.kind === 'pattern') return target.path;
  const extension = extname(target.path);
  const stem = protect(extension === '' ? target.path : target.path.slice(0, -extension.length));
  return count === 1 ? target.path : `${stem}-{n}${extension === '' ? '.{ext}' : protect(extension)}`;
}

function* candidates(
  template: string,
  output: OutputNaming,
  force: boolean,
  taken: Set<string>,
): Generator<string, void, undefined> {
  const numbered = template.includes('{n}');
  const fill = (n: number) => fillIn(numbered || n === 1 ? template : withNumber(template), output, n);
  for (let n = force ? 1 : firstFree(template, output); ; n += 1) {
    const path = fill(n);
    if (taken.has(path)) continue;
    taken.add(path);
    yield path;
  }
}

/** `a.png` -> `a-{n}.png`, for a pattern without a number whose name is taken. */
function withNumber(template: string): string {
  const extension = /\.(\{ext\}|[^.{}/\\]+)$/.exec(basename(template))?.[0] ?? '';
  return `${template.slice(0, template.length - extension.length)}-{n}${extension}`;
}

/** One after the highest number in use, so that pictures stay in the order of their making. */
function firstFree(template: string, output: OutputNaming): number {
  const folder = dirname(template);
  const file = basename(template);
  if (!file.includes('{n}') || folder.includes('{n}')) return 1;
  const [before = '', after = ''] = fillIn(file, output, null).split('{n}');
  try {
    const numbers = readdirSync(fillIn(folder, output, null)).flatMap((name) => {
      if (!name.startsWith(before) || !name.endsWith(after) || name.length <= before.length + after.length) return [];
      const digits = name.slice(before.length, name.length - after.length);
      return /^\d{1,9}$/.test(digits) ? [Number(digits)] : [];
    });
    return Math.max(0, ...numbers) + 1;
  } catch {
    return 1;
  }
}

function fillIn(template: string, output: OutputNaming, n: number | null): string {
  const values: Readonly<Record<string, string>> = {
    name: fileNamePart(output.name),
    seed: output.seed === null ? 'noseed' : String(output.seed),
    node: fileNamePart(output.nodeId),
    ext: output.extension.slice(1),
    ...(n === null ? {} : { n: String(n) }),
  };
  return unprotect(template.replace(PLACEHOLDER, (whole, name: string) => values[name] ?? whole));
}

/** Names come from files and graphs of others: no separators, nothing that Windows refuses, nothing hidden. */
function fileNamePart(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  const safe = text.replace(/[\u0000-\u001f<>:"/\\|?*]+/g, '_').replace(/^\.+|[. ]+$/g, '');
  return safe === '' ? 'output' : safe.slice(0, 120);
}

// Braces of given paths are hidden from the placeholders behind characters that no path holds.
const protect = (path: string) => path.replaceAll('{', '\u0001').replaceAll('}', '\u0002');
const unprotect = (path: string) => path.replaceAll('\u0001', '{').replaceAll('\u0002', '}');

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Relative to the working folder where that is shorter to read. */
export function displayPath(path: string, cwd: string): string {
  return path.startsWith(cwd + sep) ? path.slice(cwd.length + 1) : path;
}
