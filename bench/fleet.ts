import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../src/config/index.js';
import { newId } from '../src/core/ids.js';
import { silentLogger } from '../src/core/log.js';
import { createEasel, type Easel } from '../src/easel.js';
import type { Graph } from '../src/graph/index.js';
import { BareClient } from './lib/bare-client.js';
import { textToImage } from './lib/graphs.js';
import { formatMs, print, quantile, table } from './lib/report.js';
import { type ServerProcess, startEngine } from './lib/servers.js';

/**
 * 60 jobs of 70 ms at once on two servers, each an engine in a process of its own: how near to the ideal, how evenly split,
 * and what happens when one of them is killed in the middle.
 *
 * The ideal is what the engines need by themselves: half of the jobs one after the other, each as long as one alone takes
 * on an idle engine, seen by a bare client. Rounds with and without a second prompt in each server's own queue in turn.
 */
const JOBS = 60;
const STEPS = 7;
const STEP_MS = 10;
const ACCOUNT = 'bench';

export async function run(args: readonly string[]): Promise<object> {
  const rounds = args.includes('--quick') ? 1 : 5;
  const folder = mkdtempSync(join(tmpdir(), 'easel-bench-'));
  const engines = await Promise.all(['a', 'b'].map((name) => startEngine(join(folder, `engine-${name}`), STEP_MS)));
  try {
    const soloMs = await measureSolo(engines, folder);
    const idealMs = (JOBS / 2) * soloMs;
    print(
      `One job alone, by a bare client: ${formatMs(soloMs)} (p50 of 20 on each engine; ${STEPS * STEP_MS} ms are sampling)`,
    );
    const results = [];
    for (const slots of [1, 2]) results.push(await measure(engines, folder, slots, rounds, idealMs));
    print(`${JOBS} jobs at once on 2 servers, ${rounds} rounds; the ideal is ${formatMs(idealMs)}`);
    table(
      results.map((result) => ({
        slots: result.slots,
        'p50 of rounds': formatMs(result.p50Ms),
        'times the ideal': result.ratio.toFixed(3),
        best: result.bestRatio.toFixed(3),
        split: result.splits.map((split) => split.join('/')).join(' '),
        failed: result.failed,
      })),
    );
    const killed = await measureKill(engines, folder);
    print(
      `One server killed (SIGKILL) in the middle: ${killed.succeeded} of ${JOBS} succeeded, in ${formatMs(killed.tookMs)}`,
    );
    return { jobs: JOBS, nominalMs: STEPS * STEP_MS, soloMs, idealMs, rounds, results, killed };
  } finally {
    for (const engine of engines) await engine.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

let serial = 0;
/** Never the same twice, or the engine would answer it from its cache. */
function graph(): Graph {
  serial += 1;
  return textToImage(serial, { width: 64, height: 64, steps: STEPS });
}

async function measureSolo(engines: readonly ServerProcess[], folder: string): Promise<number> {
  const times: number[] = [];
  for (const { url } of engines) {
    const bare = new BareClient(url, folder);
    await bare.open();
    for (let index = -2; index < 20; index += 1) {
      const startedAt = performance.now();
      await bare.run(graph());
      if (index >= 0) times.push(performance.now() - startedAt);
    }
    await bare.close();
  }
  return quantile(times, 0.5);
}

async function openEasel(engines: readonly ServerProcess[], folder: string, slots: number): Promise<Easel> {
  const backends = engines.map(({ url }, index) => ({
    id: `gpu-${index}`,
    kind: 'comfyui' as const,
    url,
    concurrency: slots,
  }));
  const easel = await createEasel(parseConfig({ dataDir: join(folder, newId()), backends }), { logger: silentLogger });
  await easel.start();
  while ((await easel.fleet.list()).filter(({ state }) => state === 'ready').length < engines.length)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return easel;
}

async function runAll(
  easel: Easel,
): Promise<{ readonly tookMs: number; readonly split: number[]; readonly succeeded: number }> {
  const startedAt = performance.now();
  const ended = await Promise.all(
    Array.from({ length: JOBS }, async () => {
      const { id } = await easel.comfyui.submit({ accountId: ACCOUNT, graph: graph() });
      return easel.generations.wait(id, ACCOUNT);
    }),
  );
  const tookMs = performance.now() - startedAt;
  const ids = [...new Set(ended.map(({ backendId }) => backendId))].sort();
  return {
    tookMs,
    split: ids.map((id) => ended.filter(({ backendId }) => backendId === id).length),
    succeeded: ended.filter(({ status }) => status === 'succeeded').length,
  };
}

async function measure(
  engines: readonly ServerProcess[],
  folder: string,
  slots: number,
  rounds: number,
  idealMs: number,
) {
  const easel = await openEasel(engines, folder, slots);
  const all = [];
  try {
    // One round to warm up: what a model costs is learned from its runs.
    for (let round = -1; round < rounds; round += 1) {
      const done = await runAll(easel);
      if (round >= 0) all.push(done);
    }
  } finally {
    await easel.stop();
  }
  const times = all.map(({ tookMs }) => tookMs);
  return {
    slots,
    p50Ms: quantile(times, 0.5),
    ratio: quantile(times, 0.5) / idealMs,
    bestRatio: Math.min(...times) / idealMs,
    timesMs: times,
    splits: all.map(({ split }) => split),
    failed: all.reduce((sum, { succeeded }) => sum + JOBS - succeeded, 0),
  };
}

async function measureKill(engines: readonly ServerProcess[], folder: string) {
  const easel = await openEasel(engines, folder, 1);
  try {
    let finished = 0;
    const unsubscribe = easel.comfyui.on('succeeded', () => {
      finished += 1;
      if (finished === JOBS / 4) void engines[0]?.kill();
    });
    const { tookMs, split, succeeded } = await runAll(easel);
    unsubscribe();
    return { tookMs, split, succeeded };
  } finally {
    await easel.stop();
  }
}
