import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EmbeddedEngine } from '../../src/embedded/index.js';
import { VirtualClock } from '../../src/testing/clock.js';
import { recordingNodes } from '../../src/testing/recording-nodes.js';
import { recordedJson } from './engine-answers.js';
import { request } from './engine-client.js';
import { explanationFor } from './engine-differences.js';
import { recordedCoreNodes } from './engine-nodes.js';
import { untilIdle } from './engine-notes.js';
import { loadRecordings, RECORDED_VERSIONS, type Recording } from './engine-recording.js';
import { Replay } from './engine-replay.js';
import { picture } from './engine-requests.js';

/**
 * The engine answers recorded requests as the real servers did. Differences on purpose are listed, each with its reason,
 * in engine-differences.ts; any other difference fails.
 */
interface Result {
  readonly version: string;
  readonly scenario: string;
  readonly side: 'engine';
  readonly agrees: boolean;
  /** Titles of the deliberate differences that showed, joined by `; `. */
  readonly note: string;
}

const results = new Map<string, Result>();

describe.each(RECORDED_VERSIONS)('recordings of %s', (version) => {
  const recordings = loadRecordings(version);
  it.runIf(recordings.length === 0)('skipped: there are no recordings on this machine', () => {});

  it.each(recordings.map((recording) => [recording.scenario, recording] as const))(
    '%s',
    // Requests race the frames of a run here as they do on a real server, and an overloaded machine can turn a race the
    // other way round once. Two of the recordings scale and save pictures of 4096 pixels square.
    { retry: 2, timeout: 120_000 },
    async (scenario, recording) => {
      const differences = await replay(recording);
      const explanations = differences.map((difference) => explanationFor(recording, difference));
      const unexplained = differences.filter((_, index) => explanations[index] === null);
      const titles = new Set(explanations.flatMap((explanation) => explanation?.title ?? []));
      const agrees = unexplained.length === 0;
      results.set(`${version} ${scenario}`, {
        version,
        scenario,
        side: 'engine',
        agrees,
        note: [...titles].sort().join('; '),
      });
      expect(unexplained).toEqual([]);
    },
  );
});

async function replay(recording: Recording): Promise<string[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'easel-replay-'));
  const clock = new VirtualClock();
  const engine = new EmbeddedEngine({
    nodes: [...recordedCoreNodes(recording.version), ...recordingNodes({ clock, progressEveryMs: 50 })],
    dataDir,
    clock,
    version: recording.version,
    orderOutputs: recordedOrder(recording),
    maxUploadBytes: recording.scenario.startsWith('25-') ? 1024 * 1024 : 100 * 1024 * 1024,
  });
  try {
    await engine.start();
    await prepareFiles(recording, engine);
    await prepareHistory(recording, engine.url);
    return await new Replay(recording, engine, clock).run();
  } finally {
    await engine.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** The order in which the recorded server took up the outputs of a prompt, from its queue and history answers. */
function recordedOrder(recording: Recording): (outputs: readonly string[]) => readonly string[] {
  const orders = new Map<string, string[]>();
  for (const event of recording.events)
    for (const item of queueItems(recordedJson(event))) orders.set(item.id, item.outputs);
  const accepted = recording.events.flatMap((event) => {
    const id = event.k === 'http<' ? (recordedJson(event) as { prompt_id?: string } | undefined)?.prompt_id : undefined;
    return id === undefined ? [] : [orders.get(id) ?? []];
  });
  const left = accepted.filter((order) => order.length > 1);
  return (outputs) => {
    const index = left.findIndex((order) => [...order].sort().join() === [...outputs].sort().join());
    return index < 0 ? outputs : left.splice(index, 1)[0]!;
  };
}

/** Every `[number, prompt_id, prompt, extra_data, outputs]` in an answer. */
function queueItems(json: unknown): { id: string; outputs: string[] }[] {
  if (typeof json !== 'object' || json === null) return [];
  if (Array.isArray(json) && json.length === 5 && typeof json[1] === 'string' && Array.isArray(json[4])) {
    return [{ id: json[1], outputs: json[4] as string[] }];
  }
  return Object.values(json).flatMap(queueItems);
}

/** Files that lay on the recorded server's disk. */
async function prepareFiles(recording: Recording, engine: EmbeddedEngine): Promise<void> {
  const { input, output } = engine.folders;
  const whole = await picture(1, 64);
  await writeFile(join(input, 'corrupt.png'), whole.subarray(0, whole.length / 2));
  await writeFile(join(input, 'chg.png'), await picture(200));
  await writeFile(join(output, 'page.html'), '<script>1</script>');
  await writeFile(join(output, 'data.json'), '{}');
  await writeFile(join(output, 'noext'), 'x');
  for (const { folder, name } of earlierOutputs(recording)) {
    await mkdir(join(output, folder), { recursive: true });
    await writeFile(join(output, folder, name), '');
  }
}

/** Earlier sessions left files in the output folder: the first counter that shows tells how far they had come. */
function earlierOutputs(recording: Recording): { folder: string; name: string }[] {
  const first = new Map<string, { folder: string; name: string }>();
  const files = JSON.stringify(recording.events).matchAll(
    /"filename":"([^"\\]+)_(\d{5})_\.(\w+)","subfolder":"([^"]*)","type":"output"/g,
  );
  for (const [, stem, digits, extension, folder] of files) {
    const name = `${stem}_${String(Number(digits) - 1).padStart(5, '0')}_.${extension}`;
    const key = `${folder}/${stem}`;
    if (!first.has(key)) first.set(key, { folder: folder!, name });
  }
  return [...first.values()].filter(({ name }) => !name.includes('_00000_'));
}

/** The history that the recorded server had when the session began, where the session counts its entries. */
async function prepareHistory(recording: Recording, url: string): Promise<void> {
  const whole = recording.events.find(({ note }) => note?.startsWith('GET /history ->'));
  const missing = Number(whole?.['total'] ?? 3) - 3;
  for (let index = 0; index < missing; index++) {
    const prompt = { 1: { class_type: 'PreviewAny', inputs: { source: `earlier ${index}` } } };
    await request(url, '/prompt', { method: 'POST', headers: {}, body: Buffer.from(JSON.stringify({ prompt })) });
  }
  await untilIdle(url);
}

afterAll(() => {
  if (results.size === 0) return;
  const path = new URL('../../test-results/conformance-engine.json', import.meta.url).pathname;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify([...results.values()], null, 2)}\n`);
});
