import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { watch } from 'chokidar';
import { GraphError, WorkflowError } from '../../core/errors.js';
import { type JsonValue, parseLossless } from '../../core/json.js';
import { DEFAULT_MAX_WORKFLOW_BYTES, loadWorkflow } from '../../graph/index.js';
import { nameOfFile } from '../names.js';
import type { SourceItem, Watching, WorkflowSource } from './types.js';

export interface FolderSourceOptions {
  readonly id: string;
  /** Absolute. */
  readonly path: string;
  readonly refreshMs: number;
  /** Most bytes per file; 64 MiB unless told. */
  readonly maxBytes?: number;
}

const WORKFLOW_FILE = /\.(json|png|webp)$/i;
const MANIFEST_FILE = /\.easel\.json$/i;
/** Deeper folders are not looked into: a folder that somebody mounted by mistake would be read for hours. */
const MAX_DEPTH = 8;

/**
 * A folder with workflows: JSON in UI or API format, pictures with a workflow inside, each with its manifest
 * (`name.easel.json`) beside it. Files and folders whose names begin with a dot are left alone.
 */
export class FolderSource implements WorkflowSource {
  readonly id: string;
  readonly kind = 'folder';
  readonly place: string;
  readonly refreshMs: number;
  readonly #maxBytes: number;

  constructor(options: FolderSourceOptions) {
    this.id = options.id;
    this.place = options.path;
    this.refreshMs = options.refreshMs;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_WORKFLOW_BYTES;
  }

  async *load(signal: AbortSignal): AsyncGenerator<SourceItem, void> {
    const files = await this.#list(this.place, 0, signal);
    const all = new Set(files);
    for (const path of files.filter((file) => !MANIFEST_FILE.test(file))) {
      signal.throwIfAborted();
      const manifestPath = path.replace(WORKFLOW_FILE, '.easel.json');
      yield await this.#item(path, all.has(manifestPath) ? manifestPath : null);
    }
  }

  /** The folder itself may come and go. What events miss (network drives, say) the next pass sees. */
  watch(onChange: () => void): Watching {
    const watcher = watch(this.place, {
      ignoreInitial: true,
      depth: MAX_DEPTH,
      followSymlinks: false,
      ignored: (path) => relative(this.place, path).split(sep).some(isHidden),
    });
    watcher.on('all', onChange);
    // Too many files to watch, for one: the passes go on.
    watcher.on('error', () => {});
    return watcher;
  }

  /** Sorted, so that of two files of one name it is always the same that is refused. */
  async #list(folder: string, depth: number, signal: AbortSignal): Promise<string[]> {
    signal.throwIfAborted();
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      throw unreadable(folder, error);
    });
    const found: string[] = [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (isHidden(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (depth < MAX_DEPTH) found.push(...(await this.#list(path, depth + 1, signal)));
      } else if (WORKFLOW_FILE.test(entry.name)) found.push(path);
    }
    return found;
  }

  /** A file that cannot be read is broken and not gone: it may be in the middle of being replaced. */
  async #item(path: string, manifestPath: string | null): Promise<SourceItem> {
    const key = relative(this.place, path).split(sep).join('/');
    try {
      const bytes = await this.#read(path);
      const manifestBytes = manifestPath === null ? null : await this.#read(manifestPath);
      const revision = hashOf(bytes, manifestBytes);
      let fault: unknown = null;
      let manifest: JsonValue = {};
      try {
        if (manifestBytes !== null) manifest = parseLossless(manifestBytes.toString('utf8'));
      } catch (cause) {
        fault = new WorkflowError('workflow_manifest_invalid', `The manifest of ${key} is not valid JSON.`, { cause });
      }
      return {
        key,
        // A manifest that cannot be read may name it otherwise.
        name: fault === null ? (nameIn(manifest) ?? nameOfFile(key)) : '',
        revision,
        async read() {
          if (fault !== null) throw fault;
          return { file: loadWorkflow(bytes, { sourceName: key }), manifest };
        },
      };
    } catch (error) {
      const read = () => Promise.reject(error);
      return { key, name: manifestPath === null ? nameOfFile(key) : '', revision: '', read };
    }
  }

  async #read(path: string): Promise<Buffer> {
    const name = relative(this.place, path);
    try {
      const { size } = await stat(path);
      if (size <= this.#maxBytes) return await readFile(path);
    } catch (error) {
      throw unreadable(name, error);
    }
    throw new GraphError('payload_too_large', `${name} is larger than ${this.#maxBytes} bytes.`);
  }
}

function nameIn(manifest: JsonValue): string | null {
  if (typeof manifest !== 'object' || manifest === null || Array.isArray(manifest)) return null;
  return typeof manifest['name'] === 'string' ? manifest['name'] : null;
}

function isHidden(name: string): boolean {
  return name.startsWith('.') && name !== '..' && name !== '.';
}

function hashOf(...parts: readonly (Buffer | null)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(part === null ? 'none;' : `${part.length};`);
    if (part !== null) hash.update(part);
  }
  return hash.digest('hex');
}

function unreadable(path: string, cause: unknown): GraphError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
  return new GraphError('file_unreadable', `${path} cannot be read (${code}).`, { cause, retryable: true });
}
