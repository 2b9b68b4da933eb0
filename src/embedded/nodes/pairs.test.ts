import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Bench, openBench } from '../../../test/helpers/node-bench.js';
import { runGraph } from '../../../test/helpers/run-graph.js';
import { sharedPath } from '../../../test/helpers/shared.js';
import { parseLossless } from '../../core/json.js';
import type { Graph } from '../../graph/types.js';

/** Workflow files of the wild: their API graphs must find every class, and end in pictures. */
const folder = sharedPath('data/workflow-pairs');
const files = folder ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];

function graphOf(name: string): Graph {
  const file = parseLossless(readFileSync(join(folder!, name), 'utf8')) as unknown as { prompt: Graph };
  return file.prompt;
}

/** Small enough for every test run; all 47 run unmodified in the end-to-end tests. */
const EXECUTED = [
  'img2img__img2img_workflow.json',
  'inpaint__inpaint_example.json',
  'controlnet__depth_controlnet.json',
  'unclip__unclip_example.json',
  'upscale_models__esrgan_example.json',
];

describe.runIf(files.length > 0)('workflow pairs', () => {
  let bench: Bench | undefined;
  afterEach(() => bench?.close());

  it('finds every class of every file', async () => {
    bench = await openBench();
    const missing = files.flatMap((file) =>
      Object.values(graphOf(file)).flatMap(({ class_type }) => {
        try {
          bench!.node(class_type);
          return [];
        } catch {
          return [`${file}: ${class_type}`];
        }
      }),
    );
    expect(missing).toEqual([]);
  });

  it.each(EXECUTED.filter((file) => files.includes(file)))(
    '%s ends in a picture',
    { timeout: 60_000 },
    async (file) => {
      bench = await openBench({ standInImages: true });
      const ui = await runGraph(bench, graphOf(file));
      const saved = [...ui.values()].flatMap((output) => output['images'] ?? []);
      expect(saved.length).toBeGreaterThan(0);
      const names = readdirSync(bench.folders.output, { recursive: true }).map(String);
      expect(names.some((name) => name.endsWith('.png'))).toBe(true);
    },
  );
});
