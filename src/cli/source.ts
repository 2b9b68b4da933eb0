import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { EaselError, GraphError } from '../core/errors.js';
import { DEFAULT_MAX_WORKFLOW_BYTES, type LoadedWorkflow, loadWorkflow, nearestNames } from '../graph/index.js';
import type { CliIo } from './io.js';
import { formatBytes } from './terminal/words.js';

/** The workflow file of a command: a path, or `-` for standard input. */
export interface WorkflowSource extends LoadedWorkflow {
  /** For people: the path as it was given. */
  readonly label: string;
  /** For names of outputs: `lighthouse` of `examples/lighthouse.json`. */
  readonly name: string;
  /** Where files that the workflow names may lie beside it; null for standard input. */
  readonly folder: string | null;
}

/** Throws `file_unreadable`, `payload_too_large`, and what `loadWorkflow` throws. */
export async function readWorkflowSource(file: string, io: CliIo): Promise<WorkflowSource> {
  const fromStdin = file === '-';
  const label = fromStdin ? 'Standard input' : file;
  const bytes = fromStdin
    ? await readBounded(io.stdin, label, DEFAULT_MAX_WORKFLOW_BYTES)
    : await readFileBounded(resolve(io.cwd, file), label, DEFAULT_MAX_WORKFLOW_BYTES);
  const loaded = loadWorkflow(bytes, { sourceName: label });
  const path = resolve(io.cwd, file);
  return {
    ...loaded,
    label,
    name: fromStdin ? 'stdin' : basename(path, extname(path)),
    folder: fromStdin ? null : dirname(await realpath(path)),
  };
}

/** A regular file, or a pipe (`<(…)`), up to a size. Throws `file_unreadable`, `payload_too_large`. */
export async function readFileBounded(path: string, label: string, maxBytes: number): Promise<Buffer> {
  const info = await stat(path).catch(async (error: unknown) => {
    throw await unreadable(path, label, error);
  });
  if (info.isDirectory()) {
    throw new EaselError('file_unreadable', `${label} is a folder, not a file.`, { hint: 'Name a file in it.' });
  }
  if (info.size > maxBytes) throw tooLarge(label, info.size, maxBytes);
  try {
    return await readBounded(createReadStream(path), label, maxBytes);
  } catch (error) {
    throw await unreadable(path, label, error);
  }
}

/** The size that a file system tells is no bound: pipes and devices tell none. */
async function readBounded(stream: Readable, label: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as string);
    bytes += buffer.length;
    if (bytes > maxBytes) throw tooLarge(label, null, maxBytes);
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}

function tooLarge(label: string, bytes: number | null, maxBytes: number): GraphError {
  const size = bytes === null ? '' : ` (${formatBytes(bytes)})`;
  return new GraphError('payload_too_large', `${label}${size} is larger than ${formatBytes(maxBytes)}.`, {
    hint: 'Workflow files are small: check that it is the right file.',
    details: { maxBytes, ...(bytes === null ? {} : { bytes }) },
  });
}

async function unreadable(path: string, label: string, error: unknown): Promise<EaselError> {
  if (error instanceof EaselError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'does not exist',
    ENOTDIR: 'does not exist: a part of the path is a file',
    EACCES: 'cannot be read: permission denied',
    EPERM: 'cannot be read: permission denied',
    ELOOP: 'cannot be read: its links run in a circle',
    ENAMETOOLONG: 'is not a possible name: it is too long',
  };
  const reason = reasons[code] ?? `cannot be read (${error instanceof Error ? error.message : String(error)})`;
  const near = code === 'ENOENT' ? await neighbours(path) : [];
  const hint = near.length === 0 ? {} : { hint: `Did you mean ${near.map((name) => `"${name}"`).join(' or ')}?` };
  return new EaselError('file_unreadable', `${label} ${reason}.`, { cause: error, ...hint });
}

/** Files of the same folder with a similar name. */
async function neighbours(path: string): Promise<string[]> {
  try {
    return nearestNames(basename(path), await readdir(dirname(path)), 2);
  } catch {
    return [];
  }
}
