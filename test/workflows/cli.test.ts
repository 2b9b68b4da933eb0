import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runInProcess } from '../e2e/in-process.js';
import { readText } from '../helpers/sources.js';

/** `easel workflows add` for somebody who has a file and nothing else. */
const home = mkdtempSync(join(tmpdir(), 'easel-add-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const run = (...words: string[]) => runInProcess(words, { cwd: home });
const manifestFile = join(home, 'cat.easel.json');

test('adding a file shows what was found and writes a manifest to edit; a dry run does neither', async () => {
  writeFileSync(join(home, 'cat.json'), readText('examples/workflows/postcard.json') ?? '');
  const dry = await run('workflows', 'add', 'cat.json', '--dry-run');
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing was added') });
  expect(dry.stdout).toMatch(/^ {2}scene +string/m);
  expect(readdirSync(home).filter((name) => name.endsWith('.json'))).toEqual(['cat.json']);
  expect((await run('workflows', 'show', 'cat')).code).not.toBe(0);

  const added = await run('workflows', 'add', 'cat.json');
  expect(added, added.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('Wrote ') });
  expect(added.stdout).toMatch(/^cat v1 .* added$/m);
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as { inputs: { name: string }[] };
  expect(manifest).toMatchObject({ easel: 1, name: 'cat', type: 'MAKE' });
  expect(manifest.inputs.map(({ name }) => name)).toContain('scene');

  // Edited and added again it is the next version, and what was edited is not written over.
  const edited = { ...manifest, title: 'Cats', inputs: manifest.inputs.filter(({ name }) => name === 'scene') };
  writeFileSync(manifestFile, JSON.stringify(edited));
  const again = await run('workflows', 'add', 'cat.json', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ version: { number: 2 }, isNew: true, manifestWritten: false });
  expect(JSON.parse(readFileSync(manifestFile, 'utf8'))).toEqual(edited);
}, 60_000);

test('a type is placed, and the reason told in one sentence', async () => {
  const chosen = await run('workflows', 'select', 'make');
  expect(chosen.code, chosen.stderr).toBe(0);
  expect(chosen.stdout).toContain('cat on any backend: ');
  expect(await run('workflows', 'select', 'maek')).toMatchObject({ stderr: expect.stringContaining('MAKE') });
}, 60_000);
