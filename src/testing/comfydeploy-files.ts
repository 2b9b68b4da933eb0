import { randomBytes, randomUUID } from 'node:crypto';
import { extname } from 'node:path';
import type { FakeFile, FakeJobOutput, FakeRun } from './comfydeploy-runs.js';

/** The storage of a fake ComfyDeploy: uploads, output files, addresses that expire (comfydeploy.md 3.3, 5). */
interface StoredFile {
  readonly bytes: Buffer;
  readonly contentType: string;
}

export class FakeStorage {
  /** Makes file addresses temporary and drawn anew at each read; null: they are public and stay. */
  urlLifetimeMs: number | null = null;
  readonly #origin: () => string;
  readonly #files = new Map<string, StoredFile>();
  readonly #tokens = new Map<string, { readonly path: string; readonly until: number }>();

  constructor(origin: () => string) {
    this.#origin = origin;
  }

  /** Stores an input; returns what the upload route answers. */
  putInput(filename: string, bytes: Buffer): object {
    const id = `file_${randomUUID()}`;
    const path = `/files/inputs/${id}${extname(filename)}`;
    this.#files.set(path, { bytes, contentType: 'application/octet-stream' });
    return { message: 'File uploaded successfully', file_id: id, file_name: filename, file_url: this.#urlOf(path) };
  }

  /** Registers a path that a PUT may fill (legacy uploads). */
  put(path: string, bytes: Buffer, contentType: string): void {
    this.#files.set(path, { bytes, contentType });
  }

  /** Null: 403, as for an address that has expired, or is wrong. */
  open(path: string, token: string | null): StoredFile | null {
    const file = this.#files.get(path);
    if (file === undefined) return null;
    if (this.urlLifetimeMs === null) return file;
    const grant = token === null ? undefined : this.#tokens.get(token);
    return grant !== undefined && grant.path === path && grant.until > Date.now() ? file : null;
  }

  at(url: string): Buffer | undefined {
    if (!url.startsWith(this.#origin())) return undefined;
    return this.#files.get(new URL(url).pathname)?.bytes;
  }

  /**
   * The entries of a run as the current plugin and API show them: files sorted into `images` and `files` by extension, other
   * keys of a node that has files lost, no `node_class` beside files, no subfolder in the address.
   */
  describe(run: FakeRun): object[] {
    return run.outputs.flatMap((output) => {
      const files = output.items.filter((item): item is FakeFile => typeof item !== 'string');
      const texts = output.items.filter((item) => typeof item === 'string');
      if (files.length === 0 && texts.length === 0) return [];
      return [entry(run, output, files.length === 0 ? { text: texts } : this.#mediaOf(run, files))];
    });
  }

  #mediaOf(run: FakeRun, files: readonly FakeFile[]): Record<string, object[]> {
    const data: Record<string, object[]> = {};
    for (const file of files) {
      const path = `/files/outputs/runs/${run.id}/${encodeURIComponent(file.filename)}`;
      if (!this.#files.has(path))
        this.#files.set(path, { bytes: file.bytes, contentType: file.contentType ?? 'application/octet-stream' });
      const key = /\.(png|jpe?g|webp|gif)$/i.test(file.filename) ? 'images' : 'files';
      const list = data[key] ?? [];
      data[key] = list;
      list.push({
        filename: file.filename,
        subfolder: file.subfolder ?? '',
        type: 'output',
        url: this.#urlOf(path),
        is_public: this.urlLifetimeMs === null,
        upload_duration: 0.01,
      });
    }
    return data;
  }

  #urlOf(path: string): string {
    const url = `${this.#origin()}${path}`;
    if (this.urlLifetimeMs === null) return url;
    const token = randomBytes(8).toString('hex');
    this.#tokens.set(token, { path, until: Date.now() + this.urlLifetimeMs });
    return `${url}?X-Amz-Signature=${token}`;
  }
}

function entry(run: FakeRun, output: FakeJobOutput, data: object): object {
  const at = new Date(run.endedAt ?? run.createdAt).toISOString();
  return {
    id: randomUUID(),
    run_id: run.id,
    output_id: output.outputId ?? null,
    type: null,
    node_id: null,
    node_meta: { node_id: output.nodeId },
    data,
    created_at: at,
    updated_at: at,
  };
}
