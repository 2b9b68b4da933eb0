import { realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { EngineFolders } from './node.js';
import { isInside } from './save-names.js';

/** The three folders that clients may name. */
export type FolderType = 'input' | 'output' | 'temp';

export function isFolderType(value: string | null | undefined): value is FolderType {
  return value === 'input' || value === 'output' || value === 'temp';
}

/** Splits ` [output]`, ` [input]` or ` [temp]` off a file name (comfyui.md 1.7). */
export function splitAnnotation(name: string): { readonly name: string; readonly type: FolderType | null } {
  const [, bare, type] = /^(.*) \[(output|input|temp)\]$/s.exec(name) ?? [];
  return bare !== undefined && isFolderType(type) ? { name: bare, type } : { name, type: null };
}

/** Why a requested file has no path: the HTTP status that a real server answers. */
export type PathRefusal = 400 | 403;

/**
 * The path of a file that a client names by query. A directory inside `filename` is dropped, as on a real server. Never
 * leaves the folder.
 */
export function requestedPath(
  folders: EngineFolders,
  request: { readonly filename: string; readonly type: string | null; readonly subfolder: string },
): string | PathRefusal {
  const { name, type } = splitAnnotation(request.filename);
  if (name === '' || name.startsWith('/') || name.includes('..') || name.includes('\0')) return 400;
  const folderType = type ?? request.type ?? 'output';
  if (!isFolderType(folderType)) return 400;
  const base = folders[folderType];
  const folder = resolve(base, request.subfolder);
  if (!isInside(base, folder) || request.subfolder.includes('\0')) return 403;
  return join(folder, basename(name));
}

/** False when the path leads out of its folder through a symbolic link. Throws ENOENT when there is no such file. */
export async function isContained(folders: EngineFolders, path: string): Promise<boolean> {
  const real = await realpath(path);
  const bases = await Promise.all([folders.input, folders.output, folders.temp].map((folder) => realpath(folder)));
  return bases.some((base) => isInside(base, real));
}
