import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseLossless, stringifyLossless } from '../../src/core/json.js';
import { type Graph, loadWorkflow, readEmbeddedWorkflow } from '../../src/graph/index.js';
import { EaselProcess, easel, FAST, root, startEngine, temporaryFolder } from './easel.js';
import { runInProcess } from './in-process.js';

/** `easel run` as users call it: files in, pictures out. */
const cwd = temporaryFolder();
const example = (name: string) => join(root, 'examples', name);
const LARGEST_SEED = '18446744073709551615';

interface Report {
  readonly id: string;
  readonly status: string;
  readonly seed: bigint | number;
  readonly seeds: readonly { readonly input: string; readonly value: bigint | number }[];
  readonly outputs: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  readonly warnings: readonly string[];
}

/** Inside of this process, which is several times faster; what depends on the process itself has one of its own below. */
async function run(args: readonly string[], options: { readonly input?: Buffer } = {}) {
  const result = await runInProcess(['run', ...args, '--json'], { cwd, env: FAST, ...options });
  expect(result.code, result.stdout + result.stderr).toBe(0);
  const report = parseLossless(result.stdout) as unknown as Report;
  const path = report.outputs[0]?.path ?? '';
  return { ...result, report, path, embedded: () => readEmbeddedWorkflow(readFileSync(path)) };
}

const pixels = (path: string) => sharp(path).raw().toBuffer();

describe('every example', () => {
  it.each(['lighthouse.json', 'lighthouse-api.json', 'harbour-repaint.json', 'upscale.json'])(
    '%s becomes a picture',
    async (name) => {
      const { report, path } = await run([example(name), '--out', 'examples/']);
      expect(report.status).toBe('succeeded');
      // Their pictures lie beside them, so nothing is made up.
      expect(report.warnings).toEqual([]);
      expect((await sharp(path).metadata()).format).toBe('png');
    },
  );
});

describe('a picture fed back in', () => {
  it('makes the same picture of the same graph', async () => {
    const first = await run([
      example('lighthouse.json'),
      '--prompt',
      'a red barn',
      '--seed',
      LARGEST_SEED,
      '--out',
      'a.png',
    ]);
    const again = await run(['a.png', '--out', 'b.png']);
    expect(again.report.seed).toBe(18446744073709551615n);
    expect(again.embedded().graph).toEqual(first.embedded().graph);
    expect(again.embedded().workflow).toEqual(first.embedded().workflow);
    expect(await pixels(again.path)).toEqual(await pixels(first.path));
  });

  it('keeps the largest seed through UI format, API format, PNG and WebP', async () => {
    const ui = await run([example('lighthouse.json'), '--seed', LARGEST_SEED, '--out', 'seed-ui.png']);
    expect(ui.stdout).toContain(`"seed": ${LARGEST_SEED}`);
    const { graph, workflow } = ui.embedded();
    expect(seedOf(graph)).toBe(18446744073709551615n);

    // The workflow inside has the seed too: it converts to the graph that ran.
    writeFileSync(join(cwd, 'seed-workflow.json'), stringifyLossless(workflow));
    const fromUi = await run(['seed-workflow.json', '--out', 'seed-ui-2.png']);
    expect(fromUi.embedded().graph).toEqual(graph);

    writeFileSync(join(cwd, 'seed-graph.json'), stringifyLossless(graph));
    const fromApi = await run(['seed-graph.json', '--out', 'seed-api.png']);
    expect(fromApi.embedded().graph).toEqual(graph);

    // Where ComfyUI puts them in a WebP (comfyui.md 5): Model and Make of the EXIF.
    await sharp({ create: { width: 8, height: 8, channels: 3, background: '#246' } })
      .withExif({
        IFD0: { Model: `prompt:${stringifyLossless(graph)}`, Make: `workflow:${stringifyLossless(workflow)}` },
      })
      .webp()
      .toFile(join(cwd, 'seed.webp'));
    const fromWebp = await run(['seed.webp', '--out', 'seed-webp.png']);
    expect(fromWebp.embedded().graph).toEqual(graph);
    expect(await pixels(fromWebp.path)).toEqual(await pixels(ui.path));
  });

  it('may come from standard input', async () => {
    const bytes = readFileSync(example('lighthouse-api.json'));
    const { path } = await run(['-', '--out', 'stdin/'], { input: bytes });
    expect(path).toBe(join(cwd, 'stdin', 'stdin-1.png'));
  });
});

function seedOf(graph: Graph | undefined): unknown {
  return Object.values(graph ?? {}).find((node) => node.class_type === 'KSampler')?.inputs['seed'];
}

describe('values of the command line', () => {
  it('are in the graph, and in the workflow that ComfyUI opens', async () => {
    const { embedded, report } = await run([
      example('lighthouse.json'),
      ...['--prompt', 'a mill', '--negative', 'rain', '--seed', '7', '--out', 'values.png'],
      ...['--set', '3.steps=3', '--set', 'KSampler.cfg=4.5', '--set', 'width=640'],
    ]);
    const { graph, workflow } = embedded();
    const texts = Object.values(graph ?? {}).map((node) => node.inputs['text']);
    expect(texts).toEqual(expect.arrayContaining(['a mill', 'rain']));
    expect(graph?.['3']?.inputs).toMatchObject({ seed: 7, steps: 3, cfg: 4.5 });
    expect(graph?.['5']?.inputs).toMatchObject({ width: 640 });
    expect(report.seeds).toEqual([{ input: '3.seed', value: 7 }]);
    expect(report.warnings).toEqual([]);
    writeFileSync(join(cwd, 'values-workflow.json'), stringifyLossless(workflow));
    const opened = await run(['values-workflow.json', '--out', 'values-2.png']);
    expect(opened.embedded().graph).toEqual(graph);
  });

  it('--seed random picks one, tells it, and repeats with it', async () => {
    const first = await run([example('lighthouse-api.json'), '--seed', 'random', '--out', 'random.png']);
    const second = await run([example('lighthouse-api.json'), '--seed', 'random', '--out', 'random-2.png']);
    expect(first.report.seed).not.toBe(second.report.seed);
    const again = await run([
      example('lighthouse-api.json'),
      '--seed',
      String(first.report.seed),
      '--out',
      'random-3.png',
    ]);
    expect(await pixels(again.path)).toEqual(await pixels(first.path));
  });

  it('the seed control of the file does not change the seed of the first run', async () => {
    const stored = loadWorkflow(readFileSync(example('lighthouse.json'))).workflow;
    expect(stringifyLossless(stored)).toContain('"randomize"');
    const { report } = await run([example('lighthouse.json'), '--out', 'control.png']);
    expect(stringifyLossless(stored)).toContain(String(report.seed));
  });
});

describe('input pictures', () => {
  const red = join(cwd, 'red.png');
  const readsPicture = (image: string) => ({
    '1': { class_type: 'LoadImage', inputs: { image }, _meta: { title: 'Photo' } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
  });
  const firstPixel = async (path: string) => [...(await pixels(path)).subarray(0, 3)];

  beforeAll(async () => {
    await sharp({ create: { width: 6, height: 4, channels: 3, background: '#ff0000' } })
      .png()
      .toFile(red);
  });

  it('--image NAME=PATH', async () => {
    writeFileSync(join(cwd, 'reads.json'), JSON.stringify(readsPicture('other.png')));
    const { path, report } = await run(['reads.json', '--image', 'Photo=red.png', '--out', 'copy.png']);
    expect(await firstPixel(path)).toEqual([255, 0, 0]);
    expect(report.warnings).toEqual([]);
  });

  it('are taken from beside the workflow', async () => {
    const folder = join(cwd, 'beside');
    mkdirSync(folder, { recursive: true });
    copyFileSync(red, join(folder, 'mine.png'));
    writeFileSync(join(folder, 'w.json'), JSON.stringify(readsPicture('sub/mine.png')));
    const { path, report } = await run([join('beside', 'w.json'), '--out', 'copy.png']);
    expect(await firstPixel(path)).toEqual([255, 0, 0]);
    expect(report.warnings).toEqual([]);
  });

  it('are made up by the built-in engine otherwise, and that is said', async () => {
    writeFileSync(join(cwd, 'reads.json'), JSON.stringify(readsPicture('nowhere.png')));
    const { report } = await run(['reads.json', '--out', 'copy.png']);
    expect(report.warnings).toEqual([expect.stringMatching(/"nowhere\.png" is not there.*stand-in.*--image 1=PATH/)]);
  });
});

describe('output files', () => {
  it('count up in easel-out and never replace one another', async () => {
    const home = join(cwd, 'home');
    mkdirSync(home);
    for (const n of [1, 2]) {
      const { stdout, code } = await runInProcess(['run', example('lighthouse-api.json')], { cwd: home, env: FAST });
      expect(code).toBe(0);
      expect(stdout).toBe(`${join('easel-out', `lighthouse-api-${n}.png`)}\n`);
    }
    expect(readdirSync(join(home, 'easel-out')).sort()).toEqual(['lighthouse-api-1.png', 'lighthouse-api-2.png']);
  });

  it('of a batch are numbered', async () => {
    const { report } = await run([example('lighthouse-api.json'), '--set', 'batch_size=2', '--out', 'batch.png']);
    expect(report.outputs.map(({ path }) => path)).toEqual([join(cwd, 'batch-1.png'), join(cwd, 'batch-2.png')]);
  });

  it('hold what the report says', async () => {
    const { createHash } = await import('node:crypto');
    const { report } = await run([example('lighthouse-api.json'), '--out', '{name}-{seed}.{ext}']);
    const [output] = report.outputs;
    expect(output?.path).toBe(join(cwd, `lighthouse-api-${report.seed}.png`));
    const bytes = readFileSync(output?.path ?? '');
    expect(output).toMatchObject({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  });

  it('may be piped', async () => {
    const { code, stdoutBytes } = await easel(['run', example('lighthouse-api.json'), '--out', '-'], {
      cwd,
      env: FAST,
    });
    expect(code).toBe(0);
    expect((await sharp(stdoutBytes).metadata()).width).toBe(768);
  });

  it('that cannot be written are told before any work is done', async () => {
    writeFileSync(join(cwd, 'a-file'), '');
    const result = await easel(['run', example('lighthouse.json'), '--out', 'a-file/x.png'], { cwd, env: FAST });
    expect(result.stderr).toMatch(/error\[storage_failed\]: .*a-file cannot be written/);
    expect(result.stderr).not.toContain('Running');
    expect(result.code).toBe(1);
  });

  it('leave nothing behind in the temporary folder', async () => {
    const own = join(cwd, 'tmp');
    mkdirSync(own);
    const args = ['run', example('lighthouse-api.json'), '--out', 'x.png'];
    const { code } = await easel(args, { cwd, env: { ...FAST, TMPDIR: own } });
    expect(code).toBe(0);
    expect(readdirSync(own)).toEqual([]);
  });
});

describe('--json', () => {
  it('tells everything, and nothing else is on standard output', async () => {
    const args = ['run', example('lighthouse.json'), '--json', '--out', 'json.png'];
    const { code, stdout, stderr } = await easel(args, { cwd, env: FAST });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 'succeeded',
      workflow: 'lighthouse',
      backend: { id: 'embedded', kind: 'embedded', url: null, version: '0.8.0' },
      outputs: [{ kind: 'image', nodeId: '9', path: join(cwd, 'json.png'), contentType: 'image/png' }],
      timings: { queuedMs: expect.any(Number), runMs: expect.any(Number), totalMs: expect.any(Number) },
      attempts: 1,
      warnings: [],
    });
    expect(JSON.parse(stdout)).not.toHaveProperty('error');
    expect(stderr).toBe('');
  });
});

describe('a ComfyUI server', () => {
  const SLOW = { EASEL_EMBEDDED_LOAD_MS: '0', EASEL_EMBEDDED_PREVIEW_SIZE: '0' };
  const slowRun = ['run', example('lighthouse.json'), '--set', '3.steps=5000', '--out', 'slow.png'];
  let url = '';
  beforeAll(async () => {
    ({ url } = await startEngine(['--step-ms', '20'], SLOW));
  });

  async function queue(): Promise<{ readonly queue_running: unknown[]; readonly queue_pending: unknown[] }> {
    return (await (await fetch(`${url}/queue`)).json()) as never;
  }

  it('runs the same workflow', async () => {
    const { report } = await run([
      example('lighthouse.json'),
      '--backend',
      url,
      '--set',
      '3.steps=2',
      '--out',
      'remote.png',
    ]);
    expect(report).toMatchObject({ status: 'succeeded', backend: { kind: 'comfyui', url } });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('is told to stop at %s, and the queue is empty then', async (signal) => {
    const running = new EaselProcess([...slowRun, '--backend', url], { cwd });
    await running.output('stderr', /KSampler \d+\/5000/);
    expect((await queue()).queue_running).toHaveLength(1);
    const { code, stdout, stderr } = await running.stop(signal);
    expect(code).toBe(130);
    expect(stdout).toBe('');
    expect(stderr).toContain('Press Ctrl-C again to leave at once.');
    expect(stderr).toMatch(/error\[cancelled\]: Cancelled\. The backend has stopped the run\./);
    expect(await queue()).toEqual({ queue_running: [], queue_pending: [] });
    expect(readdirSync(cwd)).not.toContain('slow.png');
  });

  it('is told to stop when the time is over', async () => {
    const { code, stderr } = await easel([...slowRun, '--backend', url, '--timeout', '1500ms'], { cwd });
    expect(stderr).toMatch(/error\[run_timeout\]: The run did not end within 1\.5 s and was stopped\./);
    expect(code).toBe(5);
    expect(await queue()).toEqual({ queue_running: [], queue_pending: [] });
  });

  it('reports a cancelled run as JSON', async () => {
    const running = new EaselProcess([...slowRun, '--backend', url, '--json'], { cwd });
    await waitFor(async () => (await queue()).queue_running.length === 1);
    const { code, stdout } = await running.stop('SIGINT');
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' }, outputs: [] });
  });

  it('that hangs is left at the second Ctrl-C', async () => {
    const own = join(cwd, 'tmp-second');
    mkdirSync(own);
    const engine = await startEngine(['--control'], FAST);
    await fetch(`${engine.url}/easel/faults`, {
      method: 'POST',
      body: JSON.stringify({ set: { hangAtNode: { classType: 'KSampler' } } }),
    });
    const running = new EaselProcess([...slowRun, '--backend', engine.url], { cwd, env: { TMPDIR: own } });
    await running.output('stderr', /Running on/);
    running.process.kill('SIGINT');
    await running.output('stderr', /Press Ctrl-C again/);
    const { code } = await running.stop('SIGINT');
    expect(code).toBe(130);
    expect(readdirSync(own)).toEqual([]);
  });

  it('gets the token of the environment, and the headers of the command line', async () => {
    const { createServer } = await import('node:http');
    const seen: unknown[] = [];
    const guard = createServer((request, response) => {
      seen.push([request.headers.authorization, request.headers['x-team']]);
      response.writeHead(401).end();
    });
    await new Promise<void>((resolve) => guard.listen(0, '127.0.0.1', resolve));
    const { port } = guard.address() as { port: number };
    const args = ['run', example('lighthouse.json'), '--backend', `127.0.0.1:${port}`, '--header', 'X-Team: blue'];
    const { code, stderr } = await easel(args, { cwd, env: { EASEL_BACKEND_TOKEN: 'hunter2' } });
    guard.closeAllConnections();
    guard.close();
    expect(seen[0]).toEqual(['Bearer hunter2', 'blue']);
    expect(stderr).toContain('error[backend_unauthorized]');
    expect(stderr).not.toContain('hunter2');
    expect(code).toBe(4);
  });

  /** Looks until it is so. The test's own time limit ends it. */
  async function waitFor(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo()));
  }
});
