import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { definitions, pictureGraph } from '../../test/helpers/picture-graph.js';
import { textToImage } from '../../test/helpers/ui-workflow.js';
import type { EaselError } from '../core/errors.js';
import { type JsonObject, type JsonValue, parseLossless, stringifyLossless } from '../core/json.js';
import type { Graph, LoadedWorkflow } from '../graph/index.js';
import { checkAvailability } from './availability.js';
import { bindInputs, checkInputs } from './bind/bind.js';
import { type BuiltVersion, buildVersion } from './build.js';
import { diffVersions } from './diff.js';
import { draftManifest } from './draft.js';
import { contentHash } from './hash.js';
import { inputsSchema } from './json-schema.js';
import { parseManifest } from './manifest.js';
import { isLabel, nameOfFile, normalType } from './names.js';
import type { WorkflowInput, WorkflowVersion } from './types.js';

function build(file: LoadedWorkflow | Graph, manifest: JsonObject = {}): BuiltVersion {
  const isFile = (given: LoadedWorkflow | Graph): given is LoadedWorkflow => typeof given['format'] === 'string';
  return buildVersion({
    file: isFile(file) ? file : { format: 'api', graph: file },
    manifest: parseManifest(manifest),
    definitions: definitions(),
  });
}

function versionOf(built: BuiltVersion, number = 1): WorkflowVersion {
  const { hash, graph, uiWorkflow } = built;
  return {
    workflow: 'cat',
    number,
    hash,
    graph,
    uiWorkflow,
    interface: built.interface,
    enabled: true,
    note: null,
    createdAt: 0,
  };
}

const inputOf = (built: BuiltVersion, name: string): WorkflowInput | undefined =>
  built.interface.inputs.find((input) => input.name === name);

function faults(work: () => unknown): Record<string, string> {
  try {
    work();
  } catch (error) {
    expect((error as EaselError).code).toBe('workflow_manifest_invalid');
    const list = (error as EaselError).details!['errors'] as { pointer: string; detail: string }[];
    return Object.fromEntries(list.map(({ pointer, detail }) => [pointer, detail]));
  }
  return expect.fail('it was accepted');
}

describe('inputs', () => {
  it('are found without a manifest, in groups, models not offered', () => {
    const built = build(pictureGraph());
    expect(built.interface.inputs.map(({ name, group, order }) => [order, group, name]).slice(0, 6)).toEqual([
      [0, 'Prompt', 'prompt'],
      [1, 'Prompt', 'negative'],
      [2, 'Size', 'width'],
      [3, 'Size', 'height'],
      [4, 'Size', 'batch_size'],
      [5, 'Sampling', 'seed'],
    ]);
    expect(built.left.map(({ name }) => name)).toEqual(['model']);
    expect(inputOf(built, 'seed')).toMatchObject({
      min: 0,
      max: 18446744073709551615n,
      seed: 'random',
      required: false,
    });
  });

  it('of a manifest are the only ones, in its order, each completed by what is found at its place', () => {
    const built = build(pictureGraph(), {
      inputs: [
        { name: 'quality', target: '3.steps', title: 'Quality', min: 5, max: 99_999, description: 'More is slower.' },
        { name: 'words', from: 'prompt', required: true, maxLength: 200 },
        { name: 'seed' },
      ],
    });
    expect(built.interface.inputs).toMatchObject([
      { name: 'quality', role: 'steps', type: 'integer', min: 5, max: 10_000, default: 20, group: 'Sampling' },
      { name: 'words', role: 'prompt', type: 'string', default: 'a cat', required: true, maxLength: 200 },
      { name: 'seed', role: 'seed', source: 'manifest' },
    ]);
    const all = build(pictureGraph(), { inputs: [{ name: 'quality', target: '3.steps' }], discover: 'all' });
    expect(all.interface.inputs.map(({ name }) => name)).not.toContain('steps');
    expect(all.interface.inputs.length).toBe(11);
  });

  it('that are whole numbers have whole limits, whatever the manifest says', () => {
    const limits = { min: 0.5, max: 10.5 };
    const built = build(pictureGraph(), {
      inputs: [
        { name: 'steps', ...limits },
        { name: 'cfg', ...limits },
      ],
    });
    expect(built.interface.inputs).toMatchObject([{ min: 1, max: 10 }, limits]);
  });

  it('that their author marked keep what they are for', () => {
    const graph = pictureGraph();
    graph['6']!._meta = { title: '$scene What it shows' };
    graph['3']!.inputs['seed'] = ['20', 0];
    graph['20'] = {
      class_type: 'ComfyUIDeployExternalNumberInt',
      inputs: { input_id: 'lucky', default_value: 3, description: 'A number.' },
    };
    const built = build(graph, { discover: 'marked' });
    expect(built.interface.inputs).toMatchObject([
      { name: 'scene', source: 'title', role: 'prompt', group: 'Prompt', description: 'What it shows' },
      { name: 'lucky', source: 'marker', description: 'A number.', targets: [{ node: '20', input: 'input_id' }] },
    ]);
  });

  it('take their words from notes of the canvas', () => {
    const workflow = textToImage()
      .node(90, 'Note', { title: 'input: prompt', values: ['Say what is to be seen.'] })
      .node(91, 'MarkdownNote', { values: ['# Lighthouses'] })
      .build();
    const built = build({ format: 'ui', workflow });
    expect(built.interface.description).toBe('# Lighthouses');
    expect(inputOf(built, 'prompt')?.description).toBe('Say what is to be seen.');
  });

  it('and outputs name their node by id, title or class, in any case where nothing matches exactly', () => {
    const graph = pictureGraph();
    graph['9']!._meta = { title: 'Keep' };
    for (const node of ['9', 'Keep', 'keep', 'SaveImage', 'saveimage']) {
      expect(build(graph, { outputs: [{ name: 'x', node }] }).interface.outputs).toMatchObject([{ nodeId: '9' }]);
    }
    // A title counts before a class.
    graph['8']!._meta = { title: 'SaveImage' };
    expect(build(graph, { outputs: [{ name: 'x', node: 'SaveImage' }] }).interface.outputs[0]?.nodeId).toBe('8');
    expect(faults(() => build(graph, { outputs: [{ name: 'x', node: 'CLIPTextEncode' }] }))).toEqual({
      '#/outputs/0/node': expect.stringContaining('could be node 6'),
    });
  });

  it('that do not fit the graph are all told, with what is near', () => {
    const told = faults(() =>
      build(pictureGraph(), {
        inputs: [
          { name: 'promt' },
          { name: 'a', target: '3.stepps' },
          { name: 'b', target: '99.steps' },
          { name: 'c', target: '6.text', type: 'choice' },
          { name: 'c', target: '7.text' },
          { name: 'd', target: '3.steps', min: 30, max: 10 },
          { name: 'e', target: '3.steps', prompt: { base: 'x' } },
          { name: 'f', target: '3.sampler_name', default: 'no such' },
        ],
        outputs: [{ name: 'x', node: 'SaveImages' }],
        loras: { model: '44' },
      }),
    );
    expect(Object.keys(told)).toEqual([
      ...['#/inputs/0/name', '#/inputs/1/target', '#/inputs/2/target', '#/inputs/3/choices', '#/inputs/4/name'],
      ...['#/inputs/5/min', '#/inputs/6/prompt', '#/inputs/7/default', '#/outputs/0/node', '#/loras/model'],
    ]);
    expect(told['#/inputs/0/name']).toContain('Did you mean "prompt"?');
    expect(told['#/inputs/1/target']).toContain('Did you mean "steps"?');
    expect(told['#/outputs/0/node']).toContain('SaveImage');
    const twice = faults(() => build(pictureGraph(), { inputs: [{ name: 'seed' }, { name: 'seed' }] }));
    expect(Object.keys(twice)).toEqual(['#/inputs/1/name']);
  });

  it('of a manifest with unknown fields are refused with the nearest', () => {
    const told = faults(() => parseManifest({ inputs: [{ name: 'x', requird: true }], Title: 'x', name: 'a/b' }));
    expect(told['#/inputs/0/requird']).toContain('"required"');
    expect(told['#/Title']).toContain('"title"');
    expect(told['#/name']).toContain('use up to 100 letters');
  });
});

describe('texts that change with each run', () => {
  it('are kept as they stand, and known', () => {
    const workflow = textToImage().build();
    const nodes = workflow['nodes'] as JsonObject[];
    nodes[1]!['widgets_values'] = ['a {red|blue} boat'];
    const built = build({ format: 'ui', workflow });
    expect(inputOf(built, 'prompt')?.default).toBe('a {red|blue} boat');
    expect(built.interface.dynamicTexts).toEqual([{ node: '2', input: 'text' }]);
  });
});

describe('the draft of a manifest', () => {
  it('gives the same interface when it is read again, but for where it was found', () => {
    const first = build(pictureGraph());
    const draft = parseLossless(stringifyLossless(draftManifest('cat', first.interface))) as JsonObject;
    expect(draft).toMatchObject({ easel: 1, name: 'cat', type: 'MAKE' });
    const again = build(pictureGraph(), draft);
    const plain = (built: BuiltVersion) => built.interface.inputs.map((input) => ({ ...input, source: null }));
    expect(plain(again)).toEqual(plain(first));
    expect(again.interface.outputs).toEqual(first.interface.outputs);
    expect(build(pictureGraph(), draftManifest('cat', again.interface)).hash).toBe(again.hash);
  });
});

describe('the hash of a version', () => {
  const shuffled = (value: JsonValue, random: () => number): JsonValue => {
    if (Array.isArray(value)) return value.map((part) => shuffled(part, random));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, part]) => ({ key, part: shuffled(part, random), at: random() }));
    return Object.fromEntries(entries.sort((a, b) => a.at - b.at).map(({ key, part }) => [key, part]));
  };

  it('is the same whatever the order of keys, and another for any other content', () => {
    const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>;
    fc.assert(
      fc.property(json, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (value, stream) => {
        const random = () => stream.next().value ?? 0;
        expect(contentHash(shuffled(value, random))).toBe(contentHash(value));
        expect(contentHash([value])).not.toBe(contentHash(value));
      }),
    );
    expect(contentHash({ seed: 18446744073709551615n })).not.toBe(contentHash({ seed: 18446744073709551614n }));
    expect(contentHash({ a: '1' })).not.toBe(contentHash({ a: 1 }));
  });

  it('follows from graph and manifest in any order of their keys', () => {
    const manifest: JsonObject = { type: 'MAKE', title: 'Cats', inputs: [{ name: 'seed', group: 'x', title: 'S' }] };
    const one = build(pictureGraph(), manifest);
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (stream) => {
        const random = () => stream.next().value ?? 0;
        const inner = Object.fromEntries(
          Object.entries(pictureGraph()).map(([id, node]) => [id, shuffled(node as unknown as JsonValue, random)]),
        ) as unknown as Graph;
        expect(build(inner, shuffled(manifest, random) as JsonObject).hash).toBe(one.hash);
      }),
      { numRuns: 30 },
    );
  });
});

describe('JSON Schema', () => {
  it('accepts what the workflow accepts', () => {
    const built = build(pictureGraph(), {
      inputs: [{ name: 'steps', required: true }, { name: 'seed' }, { name: 'sampler' }],
    });
    const schema = z.fromJSONSchema(JSON.parse(stringifyLossless(inputsSchema(versionOf(built)))));
    for (const good of [{ steps: 3 }, { steps: '3', seed: 'random' }, { steps: 3, sampler: 'euler' }]) {
      expect(schema.safeParse(good).success, JSON.stringify(good)).toBe(true);
    }
    for (const bad of [{}, { steps: 3, sampler: 'eulr' }, { steps: 3, nonsense: 1 }, { steps: 0 }, { steps: 'x' }]) {
      expect(schema.safeParse(bad).success, JSON.stringify(bad)).toBe(false);
    }
  });
});

describe('the difference of two versions', () => {
  it('is told by nodes, interface and models', () => {
    const graph = pictureGraph({ steps: 30 });
    graph['4']!.inputs['ckpt_name'] = 'sdxl.safetensors';
    graph['7'] = { class_type: 'ConditioningZeroOut', inputs: { conditioning: ['6', 0] } };
    const diff = diffVersions(versionOf(build(pictureGraph())), versionOf(build(graph, { title: 'XL' }), 2));
    expect(diff).toMatchObject({
      same: false,
      nodes: {
        added: [{ id: '7', classType: 'ConditioningZeroOut' }],
        removed: [{ id: '7', classType: 'CLIPTextEncode' }],
        changed: [{ id: '3' }, { id: '4' }],
      },
      inputs: { removed: ['negative'], added: [] },
      models: { added: ['checkpoints/sdxl.safetensors'], removed: ['checkpoints/sd15.safetensors'] },
      classes: { added: ['ConditioningZeroOut'], removed: [] },
      about: [{ field: 'title', from: null, to: 'XL' }],
    });
  });
});

describe('availability', () => {
  it('names what a backend lacks, with what is near, and leaves inputs of the request alone', () => {
    const graph = pictureGraph();
    graph['4']!.inputs['ckpt_name'] = 'v1-5-prunned.ckpt';
    graph['8']!.class_type = 'VAEDecodeTiledd';
    const manifest = { requires: { models: ['loras/detial.safetensors', 'odd/x.bin'], nodes: ['FaceDetailer'] } };
    const found = checkAvailability(versionOf(build(graph, manifest)), definitions());
    expect(found).toMatchObject({
      ok: false,
      classes: [
        { classType: 'VAEDecodeTiledd', nearest: ['VAEDecode'] },
        { classType: 'FaceDetailer', nodes: [] },
      ],
      unchecked: ['odd/x.bin'],
    });
    const packed = { ...definitions(), Here: { ...definitions()['VAEDecode']!, python_module: 'custom_nodes.here' } };
    const needs = { requires: { nodes: ['FaceDetailer', 'Here'], packs: ['impact'] } };
    const needy = buildVersion({
      file: { format: 'api', graph: pictureGraph() },
      manifest: parseManifest(needs),
      definitions: packed,
    });
    expect(needy.interface.requires.packs).toEqual(['here', 'impact']);
    expect(checkAvailability(versionOf(needy), packed).packs).toEqual(['impact']);
    expect(checkAvailability(versionOf(needy), definitions()).packs).toEqual(['here', 'impact']);
    expect(found.models.map(({ folder, name }) => `${folder}/${name}`)).toContain('loras/detial.safetensors');
    expect(found.models.find(({ folder }) => folder === 'loras')).toMatchObject({ nearest: ['detail.safetensors'] });
  });
});

describe('names', () => {
  it('of files become names of workflows', () => {
    expect(nameOfFile('/a/b/My picture (2).json')).toBe('My-picture-2');
    expect(nameOfFile('Bär.easel.json')).toBe('Bär');
    expect(nameOfFile('...')).toBe('workflow');
  });

  it('of types have one spelling', () => {
    expect(['txt2img', 'MAKE', 'text-to-image', 'ms3', 'MAKE+', 'a/b'].map(normalType)).toEqual([
      ...['MAKE', 'MAKE', 'MAKE', 'MS3', 'MAKE+', null],
    ]);
  });

  it('of labels look like no version', () => {
    expect(['production', 'a-1', 'latest', 'v2', '3', 'abcdef12', 'Prod'].map(isLabel)).toEqual([
      ...[true, true, false, false, false, false, false],
    ]);
  });
});

describe('large graphs', () => {
  it('of 10,000 nodes become a version and are bound in a few seconds', () => {
    const graph = pictureGraph();
    for (let id = 100; id < 10_100; id++) {
      graph[id] = { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: `p${id}` } };
    }
    const begun = performance.now();
    const built = build(graph, { inputs: [{ name: 'prompt' }, { name: 'steps' }] });
    const version = versionOf(built);
    const context = {
      randomSeed: () => 0n,
      random: () => 0,
      now: new Date(0),
      nextSeeds: new Map(),
      mediaIds: new Map(),
    };
    const bound = bindInputs(version, checkInputs(version, { prompt: 'x <lora:ink>', steps: 3 }), {
      ...context,
      definitions: definitions(),
    });
    expect(Object.keys(bound.graph)).toHaveLength(10_008);
    // Generous: other work may run on the same machine.
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});
