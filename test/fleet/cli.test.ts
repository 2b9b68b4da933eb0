import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runInProcess } from '../e2e/in-process.js';
import { describeEachDatabase } from '../helpers/databases.js';

describeEachDatabase('easel backends', ({ createDatabase }) => {
  let cwd: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'easel-backends-'));
    env = { EASEL_DATABASE_URL: (await createDatabase()).url };
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));
  const easel = (...args: string[]) => runInProcess(['backends', ...args], { cwd, env });
  const json = async (...args: string[]) => JSON.parse((await easel(...args, '--json')).stdout);

  test('adds, lists, drains, resumes and removes; an id comes back with its epoch', async () => {
    expect((await easel('list')).stdout).toMatch(/^No backend yet/);
    const added = await easel('add', '127.0.0.1:8188', '--id', 'gpu', '--concurrency', '2');
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect(added.stdout).toContain('address       http://127.0.0.1:8188\nstate         booting\n');
    expect((await easel('list')).stdout.split('\n')[1]).toMatch(
      /^gpu +comfyui +booting +0 +added +nobody +http:\/\/127\.0\.0\.1:8188$/,
    );
    expect(await json('drain', 'gpu')).toMatchObject({ desired: 'draining', state: 'draining' });
    expect(await json('resume', 'gpu')).toMatchObject({ desired: 'active', state: 'booting' });
    expect(await easel('add', '127.0.0.1:8188', '--id', 'gpu')).toMatchObject({ code: 2 });
    // No node runs, so nothing of it is open and nobody owns it.
    expect((await easel('remove', 'gpu')).stdout).toBe('gpu is removed.\n');
    expect(await easel('show', 'gpu')).toMatchObject({ code: 2 });
    expect(await json('add', 'http://10.0.0.2:8188', '--id', 'gpu')).toMatchObject({ url: 'http://10.0.0.2:8188' });
  });

  test('shows no secret, whatever it is asked', async () => {
    env['EASEL_BACKEND_TOKEN'] = 'hush-token';
    const byUrl = await easel('add', 'https://user:hush-word@gpu.example.org/base?key=hush-key', '--id', 'one');
    delete env['EASEL_BACKEND_TOKEN'];
    const settings = {
      id: 'two',
      url: 'https://gpu.example.org',
      headers: { 'x-key': 'hush-header' },
      auth: { type: 'basic', username: 'u', password: 'hush-password' },
    };
    writeFileSync(join(cwd, 'two.json'), JSON.stringify(settings));
    const byFile = await easel('add', '--settings', 'two.json');
    expect([byUrl.code, byFile.code]).toEqual([0, 0]);
    const all = [byUrl, byFile, await easel('list'), await easel('list', '--json')];
    for (const id of ['one', 'two']) all.push(await easel('show', id), await easel('show', id, '--json'));
    for (const { stdout, stderr } of all) expect(stdout + stderr).not.toContain('hush');
    expect((await json('show', 'one')).settings.auth).toEqual({ type: 'bearer', token: '********' });
    expect((await json('show', 'two')).url).toBe('https://gpu.example.org');
  });

  test.each([
    [['add'], 'Give the address'],
    [['add', 'http://'], 'no address'],
    [['add', 'ftp://x'], 'url'],
    [['add', 'x:1', '--id', 'a b'], 'id'],
    [['add', 'x:1', '--concurrency', 'many'], '--concurrency'],
    [['add', '--settings', 'absent.json'], 'absent.json'],
    [['drain', 'nobody'], 'There is no backend nobody'],
    [['remove', 'nobody'], 'There is no backend nobody'],
  ])('refuses %j with a reason', async (args, reason) => {
    const { code, stderr } = await easel(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(reason);
  });
});
