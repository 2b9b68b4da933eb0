import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { runInProcess } from '../e2e/in-process.js';
import { documentedCommands } from '../helpers/documents.js';
import { readText } from '../helpers/sources.js';

const home = mkdtempSync(join(tmpdir(), 'easel-sources-docs-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const run = (...words: string[]) => runInProcess(words, { cwd: home });

test('docs/sources.md: the settings are settings, and the commands work one after the other', async () => {
  const settings = /^```json\n([\s\S]*?)^```$/m.exec(readText('docs/sources.md') ?? '')?.[1] ?? '';
  writeFileSync(join(home, 'easel.config.json'), settings);
  cpSync(fileURLToPath(new URL('../../examples/workflows/', import.meta.url)), join(home, 'flows'), {
    recursive: true,
  });
  const commands = documentedCommands('docs/sources.md', 'easel');
  expect(commands).toHaveLength(3);
  for (const { command, line } of commands) {
    const { code, stdout, stderr } = await run(...command.split(' ').slice(1));
    expect(`line ${line}: ${code} ${code === 0 ? '' : stdout + stderr}`).toBe(`line ${line}: 0 `);
  }
  writeFileSync(join(home, 'flows', 'broken.json'), '{"nodes": ');
  const told = await run('workflows', 'sources');
  expect(told.code).toBe(3);
  expect(told.stdout).toContain('broken.json');
  expect(told.stdout).toContain('file_not_a_workflow');
  expect((await run('workflows', 'sources', 'fodler')).stderr).toContain('Did you mean "folder"?');
}, 60_000);

test('settings of sources are checked together', async () => {
  const sources = [
    { kind: 'folder', path: 'a' },
    { kind: 'folder', path: 'b' },
    { kind: 'comfydeploy' },
    { kind: 'mongodb', url: 'mongodb://ann:secret@host/bot', backend: 'gpu' },
  ];
  writeFileSync(join(home, 'easel.config.json'), JSON.stringify({ workflows: { sources } }));
  const { code, stderr } = await run('workflows', 'sources');
  expect(code).not.toBe(0);
  expect(stderr).toContain('"folder" is the id of another source too');
  expect(stderr).toContain('there is no backend of the kind comfydeploy');
  expect(stderr).toContain('there is no backend "gpu" of the kind comfydeploy');
  expect(stderr).not.toContain('secret');
});
