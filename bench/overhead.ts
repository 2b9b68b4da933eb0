import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { ComfyUiHttp } from '../src/comfyui/index.js';
import { type Config, parseConfig } from '../src/config/index.js';
import { newId } from '../src/core/ids.js';
import { silentLogger } from '../src/core/log.js';
import { createEasel, type Easel } from '../src/easel.js';
import type { Graph } from '../src/graph/index.js';
import { BareClient } from './lib/bare-client.js';
import { textToImage } from './lib/graphs.js';
import { formatMs, print, quantile, seconds, table } from './lib/report.js';
import { startEngine } from './lib/servers.js';

/**
 * What Easel adds to a run, compared with a bare client of the same engine in the same run: latency (tiny and 2 MB
 * outputs, 1 and 60 at once), durable submits per second, memory with 100,000 waiting, and whether a burst loses jobs.
 *
 * The bare client does what a careful script would: one websocket, POST, wait for the end, history, download to a file.
 * Easel does the same and makes every step durable. The engine is a process of its own; rounds alternate between the two
 * so that a machine that drifts drifts for both.
 */
const ACCOUNT = 'bench';

export async function run(args: readonly string[]): Promise<object> {
  const quick = args.includes('--quick');
  const only = args.find((arg) => arg.startsWith('--only='))?.slice('--only='.length);
  const wanted = (part: string) => only === undefined || only === part;
  const folder = mkdtempSync(join(tmpdir(), 'easel-bench-'));
  const engine = await startEngine(join(folder, 'engine'), 40);
  try {
    await makeInputs(engine.url);
    return {
      ...(wanted('latency') ? { latency: await compareLatency(engine.url, folder, quick) } : {}),
      ...(wanted('submits') ? { submits: await measureSubmits(folder, quick ? 1_000 : 5_000) } : {}),
      ...(wanted('burst') ? { burst: await measureBurst(engine.url, folder) } : {}),
      ...(wanted('memory') ? { memory: await measureMemory(engine.url, folder, quick ? 10_000 : 100_000) } : {}),
    };
  } finally {
    await engine.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `size` is the side of the picture; a noise picture does not compress, so 840 x 840 makes a PNG of about 2 MB. */
async function makeInputs(url: string): Promise<void> {
  const http = new ComfyUiHttp({ baseUrl: url });
  for (const [name, side] of [['noise-16.png', 16] as const, ['noise-840.png', 840] as const]) {
    let state = 12_345;
    const raw = Buffer.alloc(side * side * 3);
    for (let index = 0; index < raw.length; index += 1) {
      state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
      raw[index] = state >> 16;
    }
    const png = await sharp(raw, { raw: { width: side, height: side, channels: 3 } })
      .png({ compressionLevel: 0 })
      .toBuffer();
    await http.uploadImage({
      filename: name,
      contentType: 'image/png',
      bytes: png.length,
      stream: Readable.from([png]),
      overwrite: true,
    });
  }
  await http.close();
}

let serial = 0;
/** Never the same twice: an identical prompt would be answered from the engine's cache. */
function passThrough(input: string): Graph {
  serial += 1;
  return {
    '1': { class_type: 'LoadImage', inputs: { image: input } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: `bench/${serial}` } },
  };
}

/** A rehearsed text-to-image run: about what a fast model takes, with progress and previews on the socket. */
function fastImage(): Graph {
  serial += 1;
  return textToImage(serial, { width: 1344, height: 896, steps: 8 });
}

interface Scenario {
  readonly job: string;
  readonly graph: () => Graph;
  readonly atOnce: number;
  /** Prompts of ours that the engine may have at a time (`concurrency` of the backend; 1 unless configured). */
  readonly slots: number;
  readonly rounds: number;
  readonly warmUps: number;
}

function scenarios(quick: boolean): Scenario[] {
  const tiny = { job: 'tiny', graph: () => passThrough('noise-16.png') };
  const large = { job: '2 MB, passed through', graph: () => passThrough('noise-840.png') };
  const image = { job: '2 MB, 8 sampler steps', graph: fastImage };
  const single = { atOnce: 1, slots: 1, rounds: quick ? 20 : 150, warmUps: 4 };
  const crowd = { atOnce: 60, slots: 1, rounds: quick ? 1 : 4, warmUps: 1 };
  return [
    { ...tiny, ...single },
    { ...tiny, ...crowd },
    { ...tiny, ...crowd, slots: 2 },
    { ...large, ...single },
    { ...large, ...crowd },
    { ...large, ...crowd, slots: 2 },
    { ...image, ...single, rounds: quick ? 3 : 20, warmUps: 1 },
    { ...image, ...crowd, atOnce: quick ? 4 : 60, rounds: 1, warmUps: 0 },
  ];
}

async function compareLatency(url: string, folder: string, quick: boolean): Promise<object[]> {
  const results = [];
  for (const scenario of scenarios(quick)) results.push(await compareOne(scenario, url, folder));
  print('Latency of one job: bare client and Easel, same engine, rounds in turn');
  table(
    results.map(({ job, atOnce, slots, bare, easel, addedMsP50, ratioP50, ratioP95 }) => ({
      job,
      'at once': atOnce,
      slots,
      'bare p50': formatMs(bare.p50),
      'easel p50': formatMs(easel.p50),
      'added p50': formatMs(addedMsP50),
      'ratio p50': ratioP50.toFixed(2),
      'bare p95': formatMs(bare.p95),
      'easel p95': formatMs(easel.p95),
      'ratio p95': ratioP95.toFixed(2),
    })),
  );
  return results;
}

async function compareOne(scenario: Scenario, url: string, folder: string) {
  const easel = await openEasel(folder, `latency-${serial}`, url, scenario.slots);
  const bare = new BareClient(url, folder);
  await bare.open();
  await easel.start();
  const work = {
    bare: (graph: Graph) => bare.run(graph),
    async easel(graph: Graph) {
      const { id } = await easel.generations.submit({ accountId: ACCOUNT, graph });
      const ended = await easel.generations.wait(id, ACCOUNT);
      if (ended.status !== 'succeeded') throw new Error(`A job ended ${ended.status}: ${ended.error?.message}`);
      return ended.outputs.reduce((sum, output) => sum + output.bytes, 0);
    },
  };
  const times = { bare: [] as number[], easel: [] as number[] };
  let bytes = 0;
  try {
    for (let round = -scenario.warmUps; round < scenario.rounds; round += 1) {
      // In turn, so that neither side always comes first.
      for (const side of round % 2 === 0 ? (['bare', 'easel'] as const) : (['easel', 'bare'] as const)) {
        const batch = await Promise.all(
          Array.from({ length: scenario.atOnce }, async () => {
            const startedAt = performance.now();
            bytes = await work[side](scenario.graph());
            return performance.now() - startedAt;
          }),
        );
        if (round >= 0) times[side].push(...batch);
      }
    }
  } finally {
    await bare.close();
    await easel.stop();
  }
  return summarise(scenario, bytes, times);
}

function summarise(
  { job, atOnce, slots }: Scenario,
  bytes: number,
  times: { readonly bare: number[]; readonly easel: number[] },
) {
  const side = (values: number[]) => ({ p50: quantile(values, 0.5), p95: quantile(values, 0.95), jobs: values.length });
  const bare = side(times.bare);
  const easel = side(times.easel);
  return {
    job,
    atOnce,
    slots,
    outputBytes: bytes,
    bare,
    easel,
    addedMsP50: easel.p50 - bare.p50,
    ratioP50: easel.p50 / bare.p50,
    ratioP95: easel.p95 / bare.p95,
  };
}

async function measureSubmits(folder: string, count: number): Promise<object> {
  const results: Record<string, number> = {};
  for (const clients of [1, 8]) {
    // Not started: nothing but accepting is measured.
    const easel = await openEasel(folder, `submits-${clients}`, 'http://127.0.0.1:9');
    const graph = passThrough('noise-16.png');
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: clients }, async () => {
        for (let index = 0; index < count / clients; index += 1)
          await easel.generations.submit({ accountId: ACCOUNT, graph });
      }),
    );
    results[`clients${clients}`] = count / seconds(startedAt);
    await easel.stop();
  }
  print('Durable submits per second (SQLite, synchronous=FULL)');
  table(
    Object.entries(results).map(([clients, rate]) => ({
      clients: clients.replace('clients', ''),
      'submits/s': Math.round(rate),
    })),
  );
  return results;
}

async function measureBurst(url: string, folder: string): Promise<object> {
  const easel = await openEasel(folder, 'burst', url);
  await easel.start();
  const jobs = 180;
  const startedAt = performance.now();
  const ended = await Promise.all(
    Array.from({ length: jobs }, async () => {
      const { id } = await easel.generations.submit({ accountId: ACCOUNT, graph: passThrough('noise-16.png') });
      return easel.generations.wait(id, ACCOUNT);
    }),
  );
  const took = seconds(startedAt);
  await easel.stop();
  const succeeded = ended.filter((generation) => generation.status === 'succeeded').length;
  const lost = jobs - succeeded;
  print(`Burst of ${jobs} short jobs: ${succeeded} succeeded, ${lost} lost, ${took.toFixed(1)} s`);
  return { jobs, succeeded, lost, seconds: took };
}

/** The node that is measured is a process of its own and works through the queue meanwhile. */
async function measureMemory(url: string, folder: string, waiting: number): Promise<object> {
  const full = join(folder, 'memory-full');
  await fillQueue(full, url, waiting);
  const rssMb = await nodeMemoryMb(full, url);
  const emptyRssMb = await nodeMemoryMb(join(folder, 'memory-empty'), url);
  print(
    `Memory of a working node with ${waiting.toLocaleString('en')} waiting: ${rssMb} MB (${emptyRssMb} MB with none)`,
  );
  return { waiting, rssMb, emptyRssMb };
}

/** Rows as a submit makes them, many per transaction: here only the waiting matters, not the accepting. */
async function fillQueue(dataDir: string, url: string, count: number): Promise<void> {
  const easel = await createEasel(configFor(dataDir, url), { logger: silentLogger });
  const first = await easel.generations.submit({ accountId: ACCOUNT, graph: passThrough('noise-16.png') });
  const row = await easel.db.kysely
    .selectFrom('generations')
    .selectAll()
    .where('id', '=', first.id)
    .executeTakeFirstOrThrow();
  const graph = JSON.stringify(passThrough('noise-16.png'));
  for (let done = 0; done < count; done += 1_000) {
    await easel.db.transaction(async (tx) => {
      const ids = Array.from({ length: 1_000 }, () => newId());
      for (let at = 0; at < ids.length; at += 100) {
        const some = ids.slice(at, at + 100);
        await tx
          .insertInto('generations')
          .values(some.map((id) => ({ ...row, id })))
          .execute();
        const payloads = some.map((id) => ({ generation_id: id, graph, workflow: null, metadata: null }));
        await tx.insertInto('generation_payloads').values(payloads).execute();
      }
    });
  }
  await easel.stop();
}

async function nodeMemoryMb(dataDir: string, url: string): Promise<number> {
  const program = `import(process.argv[1]).then((bench) => bench.memoryNode(process.argv[2], process.argv[3]))`;
  const child = spawn(process.execPath, ['-e', program, import.meta.url, dataDir, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return Number(text);
}

/** Works for a few seconds, then prints the largest resident size in MB that it had. */
export async function memoryNode(dataDir: string, url: string): Promise<void> {
  const easel = await createEasel(configFor(dataDir, url), { logger: silentLogger });
  await easel.start();
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  process.stdout.write(String(Math.round(process.resourceUsage().maxRSS / 1024)));
  await easel.stop();
}

async function openEasel(folder: string, name: string, url: string, slots = 1): Promise<Easel> {
  return createEasel(configFor(join(folder, name), url, slots), { logger: silentLogger });
}

function configFor(dataDir: string, url: string, slots = 1): Config {
  return parseConfig({ dataDir, backends: [{ id: 'engine', kind: 'comfyui', url, concurrency: slots }] });
}
