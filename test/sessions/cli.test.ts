import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runInProcess } from '../e2e/in-process.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { documentedCommands } from '../helpers/documents.js';

describeEachDatabase('easel sessions', ({ createDatabase }) => {
  let cwd: string;
  let env: Readonly<Record<string, string>>;
  beforeEach(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'easel-sessions-'));
    const { url } = await createDatabase();
    writeFileSync(
      join(cwd, 'easel.config.json'),
      JSON.stringify({ sessions: { platforms: { brief: { idleMs: 1000 } } } }),
    );
    env = { EASEL_DATABASE_URL: url };
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));
  const easel = (...args: string[]) => runInProcess(['sessions', ...args], { cwd, env });
  const json = async (...args: string[]) => JSON.parse((await easel(...args, '--json')).stdout);

  test('the commands of docs/sessions.md work, in their order', async () => {
    const commands = documentedCommands('docs/sessions.md', 'easel').map(({ command }) => command);
    expect(commands.map((command) => command.split(' ')[2])).toEqual([
      'set',
      'show',
      'list',
      'link',
      'remove',
      'sweep',
    ]);
    for (const command of commands) {
      const words = command
        .split(' ')
        .slice(2)
        .map((word) => word.replace(/^'(.*)'$/, '$1'));
      expect(await easel(...words), command).toMatchObject({ code: 0 });
    }
    expect((await easel('list')).stdout).toBe('There are no live sessions.\n');
  });

  test('sets values of any kind, shows them, and removes them', async () => {
    await easel('set', 'web:7', 'seed', '18446744073709551615');
    await easel('set', 'web:7', 'note', 'plain words');
    const shown = await easel('show', 'web:7');
    expect(shown.stdout).toContain('  seed    18446744073709551615\n');
    expect(shown.stdout).toContain('  note    "plain words"\n');
    const { id } = await json('set', 'web:7', 'note');
    expect((await json('show', id)).values).toEqual({ seed: 18446744073709552000 });
    expect((await easel('list', '--json')).stdout).toContain('18446744073709551615');
  });

  test('links two users by a code', async () => {
    await easel('set', 'web:7', 'a', '1');
    await easel('set', 'telegram:7', 'a', '1');
    const { code, accountId } = await json('link', 'web:7');
    const linked = await easel('link', 'telegram:7', code);
    expect(linked.stdout).toContain(`The account is ${accountId}.`);
    expect((await json('show', 'telegram:7')).accountId).toBe(accountId);
  });

  test('what is wrong is told', async () => {
    expect(await easel('show', 'nothing')).toMatchObject({ code: 2 });
    expect((await easel('show', 'web:nobody')).stderr).toContain('no live session');
    expect((await easel('set', 'web:7', 'a b', '1')).code).toBe(2);
  });
});
