import { readdir } from 'node:fs/promises';
import type { InputSpec, NodeDefinition } from '../../graph/types.js';
import type { EngineFolders } from '../node.js';

const PICTURE = /\.(png|jpe?g|webp|gif|avif|bmp|tiff?)$/i;

/**
 * A definition as /object_info answers it now: choices of input pictures (`image_upload`) list the files of the input
 * folder. Everything else is returned as it is. A folder that is not there has no files.
 */
export async function definitionWithFiles(definition: NodeDefinition, folders: EngineFolders): Promise<NodeDefinition> {
  const required = Object.entries(definition.input.required ?? {});
  if (!required.some(([, spec]) => listsInputFiles(spec))) return definition;
  const files = await pictureNames(folders.input);
  const filled = required.map(([name, spec]): [string, InputSpec] =>
    listsInputFiles(spec) ? [name, [files, spec[1] ?? {}]] : [name, spec],
  );
  return { ...definition, input: { ...definition.input, required: Object.fromEntries(filled) } };
}

function listsInputFiles(spec: InputSpec): boolean {
  return Array.isArray(spec[0]) && spec[1]?.['image_upload'] === true;
}

/** Like a real server, only files directly in the folder; those in subfolders are accepted without being listed. */
async function pictureNames(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile() && PICTURE.test(entry.name)).map((entry) => entry.name);
    return names.sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
