import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { silentLogger } from '../../src/core/log.js';
import { createEasel } from '../../src/easel.js';
import { FakeBackend } from '../../src/testing/index.js';
import { runInProcess } from '../e2e/in-process.js';
import { GRAPH } from '../generations/harness.js';
import { readText } from '../helpers/sources.js';

/** `easel why`, on a database that an Easel has worked on. */
const folder = mkdtempSync(join(tmpdir(), 'easel-why-'));
const databaseUrl = `sqlite:${join(folder, 'easel.db')}`;
let id = '';

beforeAll(async () => {
  writeFileSync(join(folder, 'easel.config.json'), JSON.stringify({ databaseUrl, dataDir: folder }));
  const backend = new FakeBackend({ id: 'gpu' });
  const easel = await createEasel(parseConfig({ databaseUrl, dataDir: folder }), {
    backends: [backend],
    logger: silentLogger,
  });
  await easel.start();
  await easel.generations.submit({ accountId: 'a', graph: GRAPH });
  await backend.whenAccepted(1);
  id = (await easel.generations.submit({ accountId: 'a', graph: GRAPH })).id;
  await easel.stop();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('says what a generation waits for', async () => {
  const { code, stdout } = await runInProcess(['why', id], { cwd: folder });
  expect(stdout).toBe(
    [
      'It waits for a backend (0 jobs are due before it): gpu: no running node looks after it.',
      '  gpu (later): no running node looks after it',
      '',
    ].join('\n'),
  );
  expect(code).toBe(0);
});

test('as JSON', async () => {
  const { stdout } = await runInProcess(['why', id, '--json'], { cwd: folder });
  expect(JSON.parse(stdout)).toMatchObject({
    id,
    status: 'queued',
    waiting: { lane: 'interactive', ahead: 0, backoffUntil: null, backends: [{ backendId: 'gpu', reason: 'unowned' }] },
  });
});

test('names what does not exist', async () => {
  const { code, stderr } = await runInProcess(['why', 'nothing'], { cwd: folder });
  expect(code).not.toBe(0);
  expect(stderr).toContain('There is no generation nothing.');
});

test('docs/dispatch.md shows commands and settings that exist', () => {
  const text = readText('docs/dispatch.md') ?? '';
  expect(text).toContain('easel why');
  const scripts = (JSON.parse(readText('package.json') ?? '{}') as { scripts: Record<string, string> }).scripts;
  for (const [, name] of text.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name!]);
  const [, block = ''] = /```json\n([\s\S]*?)```/.exec(text) ?? [];
  expect(() => parseConfig(JSON.parse(block))).not.toThrow();
});
