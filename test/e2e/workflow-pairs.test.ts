import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { parseLossless, stringifyLossless } from '../../src/core/json.js';
import { sharedPath } from '../helpers/shared.js';
import { type EaselExit, easel, FAST, temporaryFolder } from './easel.js';
import { runInProcess } from './in-process.js';

/**
 * Workflow files as people publish them, unmodified, in UI format: each must become a finished picture on the built-in
 * engine, by the command that users call. Most run inside of this process, five in a process of their own.
 */
const folder = sharedPath('data/workflow-pairs');
const files =
  folder === null
    ? []
    : readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort();

const IN_OWN_PROCESS = new Set([0, 11, 22, 33, 44]);

describe.skipIf(folder === null)('workflows of the wild', () => {
  const cwd = temporaryFolder();
  const done: string[] = [];

  it.each(files.map((name, index) => ({ name, index })))('$name', async ({ name, index }) => {
    const pair = parseLossless(readFileSync(join(folder!, name), 'utf8')) as { workflow: never };
    const home = join(cwd, String(index));
    mkdirSync(home);
    writeFileSync(join(home, 'workflow.json'), stringifyLossless(pair.workflow));
    const args = ['run', 'workflow.json', '--json', '--out', 'out/'];
    const result: Pick<EaselExit, 'code' | 'stdout' | 'stderr'> = IN_OWN_PROCESS.has(index)
      ? await easel(args, { cwd: home, env: FAST })
      : await runInProcess(args, { cwd: home, env: FAST });
    expect(result.code, `${result.stdout}\n${result.stderr}`).toBe(0);
    const report = JSON.parse(result.stdout) as { status: string; outputs: { path: string; bytes: number }[] };
    expect(report.status).toBe('succeeded');
    const paths = report.outputs.map(({ path }) => path).filter((path) => /\.(png|webp)$/.test(path));
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) {
      const { width, height } = await sharp(path).metadata();
      expect(Math.min(width, height)).toBeGreaterThan(0);
    }
    done.push(name);
  });

  afterAll(() => {
    process.stderr.write(`${done.length} of ${files.length} workflow files became pictures\n`);
  });
});
