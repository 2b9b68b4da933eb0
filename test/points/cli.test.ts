import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runInProcess } from '../e2e/in-process.js';
import { describeEachDatabase } from '../helpers/databases.js';

describeEachDatabase('easel points', ({ createDatabase }) => {
  let cwd: string;
  let env: Readonly<Record<string, string>>;
  beforeEach(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'easel-points-'));
    const { url } = await createDatabase();
    const points = { prices: [{ workflow: '*', flat: 1, perMegapixel: 2 }], margin: 1.5 };
    writeFileSync(join(cwd, 'easel.config.json'), JSON.stringify({ points }));
    env = { EASEL_DATABASE_URL: url, USER: 'ann' };
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));
  const easel = (...args: string[]) => runInProcess(['points', ...args], { cwd, env });
  const json = async (...args: string[]) => JSON.parse((await easel(...args, '--json')).stdout);

  test('grants with a reason, shows the balance, the history and the audit', async () => {
    const granted = await easel('grant', 'bob', '12.5', '--reason', 'welcome', '--key', 'k', '--expires', '2999-01-01');
    expect(granted).toMatchObject({ code: 0, stderr: '' });
    expect(granted.stdout).toMatch(/^Granted: 12\.5 points, transfer [0-9a-f-]{36}\.\n$/);
    const again = await easel('grant', 'bob', '12.5', '--reason', 'welcome', '--key', 'k', '--expires', '2999-01-01');
    expect(again.stdout).toMatch(/^Done before under this key, nothing changed/);
    expect(await easel('grant', 'bob', '--reason', 'mistake', '--', '-2')).toMatchObject({ code: 0 });

    const balance = await easel('balance', 'bob');
    expect(balance.stdout).toContain('credit      10.5\n  expires   10.5 at 2999-01-01T00:00:00Z\n');
    expect(await json('balance', 'bob')).toMatchObject({ credit: 10_500_000, held: 0 });

    const history = await easel('history', 'bob', '--limit', '1');
    expect(history.stdout.split('\n')[1]).toMatch(/^2 .* revoke +2 +0 +10\.5 +0$/);
    expect(history.stderr).toBe('More with --cursor 2.\n');
    expect((await json('history', 'bob', '--kind', 'grant')).entries).toHaveLength(1);
    const audit = await json('audit', 'bob');
    expect(audit.map(({ action, actor, reason }: Record<string, string>) => [action, actor, reason])).toEqual([
      ['revoke', 'ann', 'mistake'],
      ['grant', 'ann', 'welcome'],
    ]);
    expect((await easel('audit')).stdout).toContain('mistake');
  });

  test('exports, sums up a month, estimates and verifies', async () => {
    await easel('grant', 'bob', '3', '--reason', 'r', '--actor', 'carl');
    const csv = await easel('export', 'bob');
    expect(csv.stdout.split('\r\n')).toHaveLength(3);
    expect(JSON.parse((await easel('export', 'bob', '--format', 'json')).stdout)).toHaveLength(1);
    const month = new Date().toISOString().slice(0, 7);
    expect((await easel('statement', 'bob', month)).stdout).toMatch(
      /^ +count .*\nopening .*\ngrant +1 +0 +3 +0\nclosing +0 +3 +0\n$/,
    );
    writeFileSync(
      join(cwd, 'graph.json'),
      JSON.stringify({
        1: { class_type: 'EmptyImage', inputs: { width: 1000, height: 1000, batch_size: 2, color: 0 } },
        2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
      }),
    );
    expect(await json('estimate', 'graph.json')).toMatchObject({ p50: 5_000_000, p90: 5_000_000, hold: 7_500_000 });
    expect((await easel('estimate')).stdout).toContain('is held at submit               1.5\n');
    expect((await easel('verify')).stdout).toBe('The books are right: 1 transfer, 2 postings, 1 account.\n');
  });

  test('imports legacy documents: dry, then for good, then nothing', async () => {
    writeFileSync(join(cwd, 'economy.ndjson'), '{"userId":"7","qoints":5,"boints":-1,"exp":{"$numberLong":"9"}}\n');
    const dry = await easel('import-legacy', 'economy.ndjson');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain('not imported: line 1, user 7, boints -1: negative\n');
    expect(dry.stdout).toContain('Nothing was written. Add --apply to import.\n');
    expect(await json('balance', '7')).toMatchObject({ credit: 0 });
    expect((await easel('import-legacy', 'economy.ndjson', '--apply')).stdout).toContain('\nReconciled.\n');
    expect(await json('import-legacy', 'economy.ndjson', '--apply')).toMatchObject({
      reconciled: true,
      done: { qoints: { imported: 0, earlier: 5_000_000 } },
    });
    expect(await json('balance', '7')).toMatchObject({ credit: 5_000_000, experience: 9_000_000 });
  });

  test('says what is wrong with the command line', async () => {
    const cases: [string[], RegExp][] = [
      [['grant', 'bob', 'much', '--reason', 'r'], /error\[request_invalid\]: points: "much" is not a number of points/],
      [['grant', 'bob', '1'], /error\[usage_invalid\]: Required option '--reason <text>' not specified/],
      [['history', 'bob', '--kind', 'gift'], /there is no kind "gift"/],
      [['history', 'bob', '--from', 'yesterday'], /--from: "yesterday" is no time/],
      [['export', 'bob', '--format', 'xml'], /--format: "xml" is unknown/],
      [['import-legacy', 'none.ndjson'], /error\[file_unreadable\]/],
      [['import-legacy', '-', '--map', 'coins=credit'], /there is no field "coins"/],
      [['statement', 'bob', 'May'], /"May" is not a month/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await easel(...args);
      expect([args, code]).toEqual([args, 2]);
      expect(stderr).toMatch(message);
    }
  });
});
