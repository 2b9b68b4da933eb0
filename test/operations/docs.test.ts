import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import { Metrics } from '../../src/telemetry/index.js';
import { easel, FAST, root, temporaryFolder } from '../e2e/easel.js';
import { makeKit } from '../helpers/databases.js';
import { documentedCommands } from '../helpers/documents.js';
import { expectGenerated } from '../helpers/generated.js';
import { readText } from '../helpers/sources.js';

const BEGIN = '<!-- begin: generated from src/telemetry/metrics.ts -->';
const END = '<!-- end -->';

describe('docs/operations.md', () => {
  const { createDb } = makeKit('sqlite');

  /** Name, kind and help of every metric of ours. */
  async function ourMetrics(processMetrics: boolean): Promise<[name: string, kind: string, help: string][]> {
    const db = await createDb();
    const text = await new Metrics({ db, clock: systemClock, logger: silentLogger, processMetrics }).text();
    const kinds = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', kind = '']) => [name, kind]));
    return [...text.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name = '', help = '']) => [
      name,
      kinds.get(name) ?? '',
      help,
    ]);
  }

  test('lists every metric', async () => {
    const rows = (await ourMetrics(false)).map(([name, kind, help]) => `| \`${name}\` | ${kind} | ${help} |`);
    const table = ['| metric | kind | |', '|---|---|---|', ...rows].join('\n');
    const text = readText('docs/operations.md') ?? '';
    const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
    expect(begin).toBeGreaterThan(0);
    expectGenerated('docs/operations.md', `${text.slice(0, begin + BEGIN.length)}\n${table}\n${text.slice(end)}`);
  });

  test('the dashboard asks for metrics that exist', async () => {
    const known = new Set((await ourMetrics(true)).map(([name]) => name));
    const dashboard = JSON.parse(readText('deploy/grafana-dashboard.json') ?? '') as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    for (const { title, targets } of dashboard.panels) {
      for (const { expr } of targets) {
        const names = expr.match(/\b(easel|nodejs|process)_[a-z0-9_]+/g) ?? [];
        expect(names.length, title).toBeGreaterThan(0);
        for (const name of names) expect(known, title).toContain(name.replace(/_(bucket|sum|count)$/, ''));
      }
    }
  });

  test('its commands work, and a restored installation has what the first one had', async () => {
    const cwd = temporaryFolder();
    const commands = documentedCommands('docs/operations.md', 'easel').map(({ command }) =>
      command.split(' ').slice(1),
    );
    expect(commands.map(([name]) => name)).toEqual(['doctor', 'backup', 'restore']);
    const [doctor = [], backup = [], restore = []] = commands;
    const first = { ...FAST, EASEL_DATA_DIR: 'first' };
    expect(
      (await easel(['points', 'grant', 'ann', '5', '--reason', 'test', '--actor', 'ops'], { cwd, env: first })).code,
    ).toBe(0);
    expect((await easel(doctor, { cwd, env: first })).code).toBe(0);
    const saved = await easel(backup, { cwd, env: first });
    expect(saved.stderr).toBe('');
    expect(saved.stdout).toMatch(/^Backed up \d+ rows and 0 files \(0 B\) to .*backups\/monday\.\n$/);
    const second = { ...FAST, EASEL_DATA_DIR: 'second' };
    const restored = await easel(restore, { cwd, env: second });
    expect(restored.stderr).toBe('');
    expect(restored.stdout).toMatch(/^Restored \d+ rows and 0 files of 20/);
    expect((await easel(['points', 'balance', 'ann'], { cwd, env: second })).stdout).toMatch(/^credit +5$/m);
    expect((await easel(restore, { cwd, env: second })).stderr).toMatch(/error\[request_invalid\].*is not empty/);
  });

  test('the systemd unit is one', (context) => {
    const found = spawnSync('systemd-analyze', ['verify', 'deploy/easel.service'], { cwd: root, encoding: 'utf8' });
    if (found.error !== undefined) context.skip('systemd-analyze is not there');
    expect(found.stderr).not.toMatch(/easel\.service.*(Unknown|Failed to parse|Invalid)/i);
  });
});
