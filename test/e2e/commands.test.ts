import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLossless } from '../../src/core/json.js';
import { sharedPath } from '../helpers/shared.js';
import { easel, FAST, root, temporaryFolder } from './easel.js';
import { type InProcessOptions, runInProcess } from './in-process.js';

/** The commands that answer and end: help, inspect, convert, config, doctor. */
const cwd = temporaryFolder();
const lighthouse = join(root, 'examples', 'lighthouse.json');

const run = (args: readonly string[], options: Partial<InProcessOptions> = {}) =>
  runInProcess(args, { cwd, env: FAST, ...options });

/** Names of the commands that a help lists, but for `help` itself. */
function commandsIn(help: string): string[] {
  const list = /^Commands:\n((?: {2}.*\n?)+)/m.exec(help)?.[1] ?? '';
  return [...list.matchAll(/^ {2}([a-z]+)/gm)].flatMap(([, name = '']) => (name === 'help' ? [] : [name]));
}

describe('easel', () => {
  it('shows help on standard output, and without a command on standard error with exit code 2', async () => {
    const asked = await easel(['--help'], { cwd });
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    expect(commandsIn(asked.stdout)).toEqual(
      expect.arrayContaining(['run', 'inspect', 'convert', 'serve', 'engine', 'config', 'doctor', 'workflows']),
    );
    const bare = await easel([], { cwd });
    expect(bare).toMatchObject({ code: 2, stdout: '' });
    expect(bare.stderr).toContain('Usage: easel');
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(await easel(['--version'], { cwd })).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it('has examples in the help of every command, or a list of what is in a group of them', async () => {
    const commands = commandsIn((await run(['--help'])).stdout);
    expect(commands.length).toBeGreaterThan(15);
    for (const command of commands) {
      const { code, stdout } = await run([command, '--help']);
      expect(code).toBe(0);
      if (commandsIn(stdout).length > 0) continue;
      expect(stdout).toMatch(new RegExp(`Examples:\\n {2}easel ${command}\\b`));
    }
  });

  it('starts without loading what help does not need', async () => {
    const loaded = await easel(['--help'], { cwd, env: { NODE_DEBUG: 'esm' } });
    expect(loaded.code).toBe(0);
    expect(loaded.stderr).not.toMatch(/node_modules[\\/](sharp|libsql|zod|pg|fastify|undici)[\\/]/);
  });
});

describe('inspect', () => {
  it('lists nodes, models, inputs and outputs', async () => {
    const { code, stdout, stderr } = await run(['inspect', lighthouse]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/lighthouse\.json {2}UI format, 7 nodes of 6 classes/);
    expect(stdout).toMatch(/^ {2}seed +3\.seed +integer +\d+ +0 to 18446744073709551615$/m);
    expect(stdout).toMatch(/^ {2}checkpoints\/v1-5-pruned-emaonly-fp16\.safetensors +4\.ckpt_name$/m);
    expect(stdout).toMatch(/^ {2}9 +SaveImage/m);
    expect(stdout).toContain('Nothing is missing on the built-in engine.');
  });

  it('tells the same as JSON', async () => {
    const { stdout } = await run(['inspect', lighthouse, '--json']);
    const report = parseLossless(stdout) as unknown as { inputs: { name: string; address: string; max?: unknown }[] };
    expect(report).toMatchObject({
      format: 'ui',
      backend: { kind: 'embedded', version: '0.8.0' },
      nodes: { count: 7, classes: { KSampler: 1, CLIPTextEncode: 2 } },
      models: [{ folder: 'checkpoints', name: 'v1-5-pruned-emaonly-fp16.safetensors', nodeId: '4' }],
      outputs: [{ nodeId: '9', classType: 'SaveImage' }],
      missing: { classes: [], models: [], inputs: [] },
    });
    expect(report.inputs.find(({ name }) => name === 'seed')).toMatchObject({
      address: '3.seed',
      role: 'seed',
      type: 'integer',
      max: 18446744073709551615n,
    });
  });

  it('names what a backend lacks, and that is no failure', async () => {
    const text = readFileSync(lighthouse, 'utf8').replaceAll('"KSampler"', '"KSamplerTurbo"');
    writeFileSync(join(cwd, 'turbo.json'), text);
    const { code, stdout } = await run(['inspect', 'turbo.json']);
    expect(code).toBe(0);
    expect(stdout).toContain('Missing on the built-in engine');
    expect(stdout).toMatch(/^ {2}node class +KSamplerTurbo +node 3 +it has .*KSampler/m);
  });

  it('names a missing model', async () => {
    const env = { ...FAST, EASEL_EMBEDDED_MODELS: '{"checkpoints": ["v1-5-pruned-emaonly.safetensors"]}' };
    const { stdout } = await run(['inspect', lighthouse], { env });
    expect(stdout).toMatch(
      /^ {2}model +checkpoints\/v1-5-pruned-emaonly-fp16\.safetensors +4\.ckpt_name +it has v1-5/m,
    );
  });
});

describe('convert', () => {
  const seed = '18446744073709551615';

  it('prints the graph, every integer to its last digit', async () => {
    const text = readFileSync(lighthouse, 'utf8').replace(/"widgets_values": \[\d{10,}/, `"widgets_values": [${seed}`);
    writeFileSync(join(cwd, 'large-seed.json'), text);
    const { code, stdout, stderr } = await run(['convert', 'large-seed.json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`"seed": ${seed}`);
    expect(JSON.parse(stdout)).toMatchObject({ '3': { class_type: 'KSampler' }, '9': { class_type: 'SaveImage' } });
  });

  it('takes definitions from a file', async (context) => {
    const definitions = sharedPath('data/object-info/0.3.64.json');
    if (definitions === null) return context.skip('../shared is not on this machine');
    const fromFile = await run(['convert', lighthouse, '--object-info', definitions, '--out', 'graph.json']);
    expect(fromFile).toMatchObject({ code: 0, stdout: '' });
    const fromEngine = await run(['convert', lighthouse]);
    // The display names of the definitions become titles, and may differ.
    const untitled = (text: string) => JSON.parse(text, (key, value: unknown) => (key === '_meta' ? undefined : value));
    expect(untitled(readFileSync(join(cwd, 'graph.json'), 'utf8'))).toEqual(untitled(fromEngine.stdout));
  });

  it('refuses a file that holds no definitions', async () => {
    const { code, stderr } = await run(['convert', lighthouse, '--object-info', lighthouse]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/error\[request_invalid\]: .*holds no node definitions/);
  });
});

describe('config', () => {
  it('shows values, where they come from, and no secrets', async () => {
    const home = join(cwd, 'configured');
    mkdirSync(home);
    const backends = [
      { id: 'gpu', kind: 'comfyui', url: 'http://gpu:8188', auth: { type: 'bearer', token: 'hunter2' } },
    ];
    writeFileSync(join(home, 'easel.config.json'), JSON.stringify({ backends }));
    const env = { EASEL_LIMITS_RUN_MS: '5000' };
    const { code, stdout } = await run(['config'], { cwd: home, env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^limits\.runMs +5000 +\(EASEL_LIMITS_RUN_MS\)$/m);
    expect(stdout).toContain('http://gpu:8188');
    const json = JSON.parse((await run(['config', '--json'], { cwd: home, env })).stdout) as {
      settings: { path: string }[];
    };
    expect(json.settings.find(({ path }) => path === 'limits.runMs')).toEqual({
      path: 'limits.runMs',
      value: 5000,
      source: 'environment',
      from: 'EASEL_LIMITS_RUN_MS',
    });
    expect(stdout + JSON.stringify(json)).not.toContain('hunter2');
  });
});

describe('doctor', () => {
  it('finds a sound installation sound, and leaves nothing behind', async () => {
    const home = join(cwd, 'sound');
    mkdirSync(home);
    const { code, stdout } = await easel(['doctor'], { cwd: home });
    expect(stdout).not.toMatch(/^fail/m);
    for (const name of [
      'node',
      'native modules',
      'configuration',
      'data folder',
      'disk',
      'clock',
      'database',
      'backend embedded',
    ]) {
      expect(stdout).toMatch(new RegExp(`^(ok|warn) +${name} `, 'm'));
    }
    expect(code).toBe(0);
    expect(readdirSync(home)).toEqual([]);
  });

  it('says what is wrong and what to do, with exit code 1', async () => {
    writeFileSync(join(cwd, 'a-file'), '');
    const env = { EASEL_DATA_DIR: join(cwd, 'a-file', 'data') };
    const { code, stdout } = await run(['doctor', '--backend', 'http://127.0.0.1:9', '--json'], { env });
    expect(code).toBe(1);
    const { ok, checks } = JSON.parse(stdout) as {
      ok: boolean;
      checks: { name: string; status: string; hint?: string }[];
    };
    expect(ok).toBe(false);
    const failed = checks.filter(({ status }) => status === 'fail');
    expect(failed.map(({ name }) => name)).toEqual(expect.arrayContaining(['data folder', 'backend 127.0.0.1-9']));
    for (const { hint } of failed) expect(hint).toMatch(/\S/);
  });

  it('goes on as far as it can with a wrong configuration', async () => {
    const { code, stdout } = await run(['doctor'], { env: { EASEL_HTTP_PORT: 'x' } });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok +native modules/m);
    expect(stdout).toMatch(/^fail +configuration +http\.port \(EASEL_HTTP_PORT\)/m);
  });
});
