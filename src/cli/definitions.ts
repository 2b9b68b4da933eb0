import { resolve } from 'node:path';

import { EaselError } from '../core/errors.js';
import { isJsonObject, parsePythonJson } from '../core/json.js';
import type { Graph, NodeDefinitions } from '../graph/index.js';
import { convertUiToApi } from '../graph/index.js';
import type { CliIo } from './io.js';
import { readFileBounded, type WorkflowSource } from './source.js';

/** Installations with hundreds of custom nodes answer some 30 MB. */
const MAX_DEFINITIONS_BYTES = 256 * 1024 * 1024;

/** Node definitions from a file with what `/object_info` answered. Throws `file_unreadable`, `request_invalid`. */
export async function readDefinitions(file: string, io: CliIo): Promise<NodeDefinitions> {
  const text = (await readFileBounded(resolve(io.cwd, file), file, MAX_DEFINITIONS_BYTES)).toString('utf8');
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch (error) {
    throw notDefinitions(file, 'is not JSON', error);
  }
  if (!isJsonObject(value)) throw notDefinitions(file, 'holds no node definitions');
  const isDefinition = (entry: unknown) => isJsonObject(entry) && isJsonObject(entry['input']);
  const entries = Object.values(value);
  if (entries.length === 0 || !entries.every(isDefinition)) throw notDefinitions(file, 'holds no node definitions');
  return value as unknown as NodeDefinitions;
}

function notDefinitions(file: string, what: string, cause?: unknown): EaselError {
  return new EaselError('request_invalid', `${file} ${what}.`, {
    hint: 'Save what http://127.0.0.1:8188/object_info of your ComfyUI answers.',
    ...(cause === undefined ? {} : { cause }),
  });
}

export interface ReadyGraph {
  readonly graph: Graph;
  readonly warnings: readonly string[];
}

/** The graph of a file: as it stands, or converted with the node definitions of whoever will run it. */
export function graphOf(source: WorkflowSource, definitions: NodeDefinitions): ReadyGraph {
  if (source.graph !== undefined) return { graph: source.graph, warnings: [] };
  const { graph, warnings } = convertUiToApi(source.workflow ?? {}, definitions);
  return { graph, warnings: warnings.map(({ message }) => message) };
}
