import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface SourceFile {
  /** From the root of the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly isTest: boolean;
}

/** All TypeScript files under `folder`. */
export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = posix.join(folder, name.split(sep).join('/'));
      const text = readFileSync(join(root, path), 'utf8');
      return { path, text, lines: text.split('\n').length - 1, isTest: path.endsWith('.test.ts') };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Folders directly under `folder`. */
export function folders(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

export function exists(path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

/** What a file imports or re-exports from other files of the project (types included), as paths from the root. */
export function importsOf(file: SourceFile): string[] {
  return ts
    .preProcessFile(file.text)
    .importedFiles.map((imported) => imported.fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) =>
      relative(root, join(root, dirname(file.path), name))
        .split(sep)
        .join('/'),
    )
    .map((path) => path.replace(/\.js$/, '.ts'));
}

/** Names of packages and Node modules that a file imports. */
export function packagesOf(file: SourceFile): string[] {
  return ts
    .preProcessFile(file.text)
    .importedFiles.map((imported) => imported.fileName)
    .filter((name) => !name.startsWith('.'));
}

const parsed = new WeakMap<SourceFile, ts.SourceFile>();

export function parse(file: SourceFile): ts.SourceFile {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
  parsed.set(file, tree);
  return tree;
}

/** `path:line`, for messages that an editor can follow. */
export function place(node: ts.Node): string {
  const source = node.getSourceFile();
  return `${source.fileName}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

/** Files that git tracks, or null outside of a checkout (an unpacked archive). */
export function trackedFiles(): string[] | null {
  try {
    const listed = execFileSync('git', ['ls-files', '-z'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listed.split('\0').filter((path) => path !== '' && exists(path));
  } catch {
    return null;
  }
}

/** Null for a binary file. */
export function readText(path: string): string | null {
  const bytes = readFileSync(join(root, path));
  return bytes.subarray(0, 8_000).includes(0) ? null : bytes.toString('utf8');
}
