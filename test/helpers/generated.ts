import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Set `EASEL_UPDATE_DOCS=1` to write generated files (docs, golden files) anew instead of comparing them. */
const updatesGenerated = process.env['EASEL_UPDATE_DOCS'] === '1';

/** Compares `text` with the committed file at `path` (from the root of the project), or writes it when asked to. */
export function expectGenerated(path: string, text: string): void {
  const file = join(root, path);
  if (updatesGenerated) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  let committed: string | null = null;
  try {
    committed = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  expect(committed, `${path} is out of date: run the test again with EASEL_UPDATE_DOCS=1 and commit the file`).toBe(
    text,
  );
}
