import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../shared/', import.meta.url));

/**
 * Path of third-party test material beside the checkout (`../shared/`), or null where it is not there. Developers and CI
 * have it; it is read in place and never copied into the project.
 */
export function sharedPath(relative: string): string | null {
  const path = join(root, relative);
  if (existsSync(path)) return path;
  process.stderr.write(`skipped: ../shared/${relative} is not on this machine\n`);
  return null;
}
