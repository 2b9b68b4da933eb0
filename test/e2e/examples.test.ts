import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePythonJson, stringifyLossless } from '../../src/core/json.js';
import { EmbeddedEngine } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import {
  convertUiToApi,
  type Graph,
  type LoadedWorkflow,
  type NodeDefinitions,
  parseWorkflowText,
} from '../../src/graph/index.js';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const REHEARSAL = { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any', standInImages: false } as const;

let folder: string;
let engine: EmbeddedEngine;
let definitions: NodeDefinitions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-examples-'));
  engine = new EmbeddedEngine({ nodes: createCoreNodes({ rehearsal: REHEARSAL }), dataDir: folder, version: '0.8.0' });
  await engine.start();
  await copyFile(join(EXAMPLES, 'harbour.png'), join(engine.folders.input, 'harbour.png'));
  const answer = await fetch(`${engine.url}/object_info`);
  definitions = parsePythonJson(await answer.text()) as NodeDefinitions;
});

afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

async function load(name: string): Promise<LoadedWorkflow> {
  return parseWorkflowText(await readFile(join(EXAMPLES, name), 'utf8'), { sourceName: name });
}

async function graphOf(name: string): Promise<Graph> {
  const loaded = await load(name);
  if (loaded.graph !== undefined) return loaded.graph;
  const { graph, warnings } = convertUiToApi(loaded.workflow ?? {}, definitions);
  expect(warnings).toEqual([]);
  return graph;
}

/** The graph without titles, which an export may have or not. */
const withoutTitles = (graph: Graph) =>
  Object.fromEntries(Object.entries(graph).map(([id, { class_type, inputs }]) => [id, { class_type, inputs }]));

describe('examples', () => {
  it('are each accepted by the built-in engine, and described in the README', async () => {
    const names = (await readdir(EXAMPLES)).filter((name) => name.endsWith('.json'));
    const readme = await readFile(join(EXAMPLES, 'README.md'), 'utf8');
    expect(names.length).toBeGreaterThanOrEqual(4);
    for (const name of names) {
      expect(readme).toContain(`\`${name}\``);
      const answer = await fetch(`${engine.url}/prompt`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: stringifyLossless({ prompt: await graphOf(name) }),
      });
      expect(await answer.json(), name).toMatchObject({ prompt_id: expect.any(String), node_errors: {} });
    }
  });

  it('have one text-to-image workflow in both formats', async () => {
    expect(withoutTitles(await graphOf('lighthouse.json'))).toEqual(
      withoutTitles(await graphOf('lighthouse-api.json')),
    );
  });

  it('use what people use: primitives, a reroute, a note, a seed control, a bypassed node', async () => {
    const text = await readFile(join(EXAMPLES, 'lighthouse.json'), 'utf8');
    for (const part of ['"PrimitiveNode"', '"Reroute"', '"Note"', '"randomize"']) expect(text).toContain(part);
    expect(Object.values(await graphOf('upscale.json')).map((node) => node.class_type)).not.toContain('ImageSharpen');
  });
});
