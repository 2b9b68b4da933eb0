import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A private folder of one command, readable by its user only, gone at its end. */
export class Workspace {
  readonly path: string;
  #kept = false;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<Workspace> {
    return new Workspace(await mkdtemp(join(tmpdir(), 'easel-')));
  }

  /** What is in it is the only copy of something. */
  keep(): void {
    this.#kept = true;
  }

  async remove(): Promise<void> {
    // Windows and network file systems refuse while somebody else looks into the folder.
    if (!this.#kept) await rm(this.path, { recursive: true, force: true, maxRetries: 3 });
  }

  /** For a process that ends at once. */
  removeNow(): void {
    if (!this.#kept) rmSync(this.path, { recursive: true, force: true });
  }
}
