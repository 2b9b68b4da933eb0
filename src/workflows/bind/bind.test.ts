import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { definitions, pictureGraph } from '../../../test/helpers/picture-graph.js';
import type { EaselError } from '../../core/errors.js';
import { type JsonObject, parseLossless, stringifyLossless } from '../../core/json.js';
import type { Graph, NodeDefinitions } from '../../graph/index.js';
import { buildVersion } from '../build.js';
import { type Manifest, parseManifest } from '../manifest.js';
import type { BindChange } from '../types.js';
import { type BindableVersion, type Bound, bindInputs, checkInputs } from './bind.js';
import type { PlanLimits } from './plan.js';

const MEDIA_ID = '0198c5a0-0000-7000-8000-000000000001';

function versionOf(manifest: JsonObject = {}, graph: Graph = pictureGraph(), defs = definitions()): BindableVersion {
  const built = buildVersion({
    file: { format: 'api', graph },
    manifest: parseManifest(manifest) as Manifest,
    definitions: defs,
  });
  return { workflow: 'cat', hash: built.hash, graph: built.graph, interface: built.interface };
}

interface Options {
  readonly plan?: PlanLimits;
  readonly definitions?: NodeDefinitions;
  readonly nextSeeds?: ReadonlyMap<string, bigint>;
  readonly random?: () => number;
}

function bind(version: BindableVersion, inputs: JsonObject = {}, options: Options = {}): Bound {
  return bindInputs(version, checkInputs(version, inputs, options.plan), {
    randomSeed: (most) => most,
    random: options.random ?? (() => 0),
    now: new Date(2026, 10, 24),
    nextSeeds: options.nextSeeds ?? new Map(),
    mediaIds: new Map(),
    definitions: options.definitions ?? definitions(),
  });
}

function failure(work: () => unknown): EaselError & { details: { errors: JsonObject[] } } {
  try {
    work();
  } catch (error) {
    return error as EaselError & { details: { errors: JsonObject[] } };
  }
  return expect.fail('it was accepted');
}

/** What the record of changes says: the template with each of them made. */
function replay(template: Graph, changes: readonly BindChange[]): Graph {
  const graph = structuredClone(template);
  for (const { node, input, from, to } of changes) {
    if (input === 'class_type') {
      expect(graph[node]).toBeUndefined();
      graph[node] = { class_type: String(to), inputs: {} };
      continue;
    }
    expect(graph[node]!.inputs[input]).toEqual(from);
    graph[node]!.inputs[input] = to;
  }
  return graph;
}

const withoutTitles = (graph: Graph) =>
  Object.fromEntries(Object.entries(graph).map(([id, { class_type, inputs }]) => [id, { class_type, inputs }]));

describe('bind', () => {
  it('sets what was given, keeps the rest, and draws the seed', () => {
    const version = versionOf();
    const { graph, inputs, changes } = bind(version, { prompt: 'a dog', steps: 30 });
    expect(graph['6']!.inputs['text']).toBe('a dog');
    expect(inputs).toMatchObject({ prompt: 'a dog', steps: 30, seed: Number.MAX_SAFE_INTEGER, negative: 'blurry' });
    expect(changes).toEqual([
      { node: '6', input: 'text', from: 'a cat', to: 'a dog', why: 'input prompt' },
      { node: '3', input: 'seed', from: 5, to: Number.MAX_SAFE_INTEGER, why: 'input seed, drawn' },
      { node: '3', input: 'steps', from: 20, to: 30, why: 'input steps' },
    ]);
    expect(version.graph).toEqual(pictureGraph());
  });

  it('tells empty from absent: an empty text is set, an absent one is the default, null is neither', () => {
    const version = versionOf();
    expect(bind(version, { negative: '' }).graph['7']!.inputs['text']).toBe('');
    expect(bind(version, {}).graph['7']!.inputs['text']).toBe('blurry');
    expect(failure(() => bind(version, { negative: null }))).toMatchObject({
      code: 'workflow_input_invalid',
      details: { errors: [{ pointer: '#/inputs/negative', detail: expect.stringContaining('send ""') }] },
    });
  });

  it('tells everything that is wrong at once, with place, limits and what is near', () => {
    const error = failure(() =>
      bind(versionOf({ inputs: [{ name: 'prompt', required: true, minLength: 1 }], discover: 'all' }), {
        steps: 0.5,
        sampler: 'eulr',
        widht: 512,
        cfg: 'seven',
        seed: '99999999999999999999',
        batch_size: 2 ** 60,
      }),
    );
    expect(error.code).toBe('workflow_input_invalid');
    const byPointer = Object.fromEntries(error.details.errors.map((fault) => [fault['pointer'], fault]));
    expect(Object.keys(byPointer).sort()).toEqual(
      ['batch_size', 'cfg', 'prompt', 'sampler', 'seed', 'steps', 'widht'].map((name) => `#/inputs/${name}`),
    );
    expect(byPointer['#/inputs/widht']).toMatchObject({
      nearest: ['width'],
      detail: expect.stringContaining('"width"'),
    });
    expect(byPointer['#/inputs/sampler']).toMatchObject({ nearest: ['euler'], allowed: { type: 'choice' } });
    expect(byPointer['#/inputs/seed']).toMatchObject({ allowed: { max: 18446744073709551615n } });
    expect(byPointer['#/inputs/batch_size']).toMatchObject({ detail: expect.stringContaining('lost digits') });
    expect(byPointer['#/inputs/prompt']).toMatchObject({ detail: 'It is required.' });
  });

  it('assembles prompts of the parts that are not empty', () => {
    const prompt = { prefix: 'photo of', base: 'soft light', suffix: 'best' };
    const version = versionOf({ inputs: [{ name: 'prompt', prompt }], discover: 'all' });
    expect(bind(version, { prompt: 'a dog' }).graph['6']!.inputs['text']).toBe('photo of, a dog, soft light, best');
    const empty = bind(version, { prompt: '' });
    expect(empty.graph['6']!.inputs['text']).toBe('photo of, soft light, best');
    expect(empty.inputs['prompt']).toBe('');
    expect(empty.changes[0]?.why).toBe('input prompt, with the prompt parts of the workflow');
  });

  it('knows seeds that are fixed, counted and drawn, by manifest and by request', () => {
    const fixed = versionOf({ inputs: [{ name: 'seed', seed: 'fixed', default: 7 }] });
    expect(bind(fixed).inputs['seed']).toBe(7);
    expect(bind(fixed, { seed: 'random' }).inputs['seed']).toBe(Number.MAX_SAFE_INTEGER);
    expect(bind(fixed, { seed: '18446744073709551615' }).graph['3']!.inputs['seed']).toBe(18446744073709551615n);
    const nextSeeds = new Map([['seed', 41n]]);
    expect(bind(fixed, { seed: 'increment' }, { nextSeeds }).inputs['seed']).toBe(41);
    expect(failure(() => versionOf({ inputs: [{ name: 'seed', seed: 'sometimes' }] }))).toMatchObject({
      code: 'workflow_manifest_invalid',
    });
  });

  it('names the input that asks for more than the plan allows', () => {
    const plan = { maxSteps: 20, maxBatch: 1, maxMegapixels: 0.5 };
    expect(bind(versionOf(), {}, { plan }).inputs['steps']).toBe(20);
    const error = failure(() => bind(versionOf(), { steps: 21, width: 1024, height: 1024, batch_size: 2 }, { plan }));
    expect(error).toMatchObject({ code: 'points_plan_limit', details: { perk: 'maxSteps', limit: 20, asked: 21 } });
    expect(error.details.errors.map((fault) => fault['input'])).toEqual(['steps', 'batch_size', 'width', 'height']);
    const both = failure(() => bind(versionOf(), { steps: 21, cfg: 'x' }, { plan }));
    expect(both.code).toBe('workflow_input_invalid');
  });

  it('puts files in place, and says which node waits for them', () => {
    const graph: Graph = {
      '1': { class_type: 'LoadImage', inputs: { image: 'mine.png' } },
      '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
    };
    const version = versionOf({}, graph);
    expect(failure(() => bind(version)).details.errors).toMatchObject([{ pointer: '#/inputs/image' }]);
    const bound = bind(version, { image: { media_id: MEDIA_ID } });
    expect(bound.attachments).toEqual([{ nodeId: '1', inputName: 'image', mediaId: MEDIA_ID }]);
    expect(bound.inputs).toEqual({ image: MEDIA_ID });
    for (const image of ['mine.png', 'https://example.org/a.png', '', 7, { media_id: 'x' }]) {
      expect(failure(() => bind(version, { image })).code).toBe('workflow_input_invalid');
    }
  });

  it('draws alternatives of texts that no input sets, and leaves alone what was given', () => {
    const base = versionOf();
    const graph = pictureGraph({ prompt: 'a {cat|dog}' });
    const version: BindableVersion = {
      ...base,
      graph,
      interface: {
        ...base.interface,
        inputs: base.interface.inputs.map((input) =>
          input.name === 'prompt' ? { ...input, default: 'a {cat|dog}' } : input,
        ),
        dynamicTexts: [{ node: '6', input: 'text' }],
      },
    };
    expect(bind(version, {}, { random: () => 0.9 }).graph['6']!.inputs['text']).toBe('a dog');
    expect(bind(version, { prompt: '{x|y}' }).graph['6']!.inputs['text']).toBe('{x|y}');
  });
});

describe('LoRA tags', () => {
  it('become loaders between the checkpoint and its users, in their order', () => {
    const { graph, changes } = bind(versionOf(), { prompt: 'a dog <lora:Detail:0.5> in ink <lora:ink:1:.25>' });
    expect(graph['6']!.inputs['text']).toBe('a dog in ink');
    const first = graph['easel-lora-2']!;
    const second = graph['easel-lora']!;
    expect(first).toMatchObject({
      class_type: 'LoraLoader',
      inputs: {
        model: ['4', 0],
        clip: ['4', 1],
        lora_name: 'detail.safetensors',
        strength_model: 0.5,
        strength_clip: 0.5,
      },
    });
    expect(second.inputs).toMatchObject({
      model: ['easel-lora-2', 0],
      clip: ['easel-lora-2', 1],
      lora_name: 'styles/ink.safetensors',
      strength_model: 1,
      strength_clip: 0.25,
    });
    expect(graph['3']!.inputs['model']).toEqual(['easel-lora', 0]);
    for (const encoder of ['6', '7']) expect(graph[encoder]!.inputs['clip']).toEqual(['easel-lora', 1]);
    expect(graph['8']!.inputs['vae']).toEqual(['4', 2]);
    expect(withoutTitles(replay(pictureGraph(), changes))).toEqual(withoutTitles(graph));
  });

  it('are refused with what is near, where the backend has no such file', () => {
    const error = failure(() => bind(versionOf(), { prompt: '<lora:detial:1>' }));
    expect(error.details.errors).toMatchObject([
      {
        pointer: '#/inputs/prompt',
        detail: 'The backend has no LoRA "detial". Did you mean "detail.safetensors"?',
        nearest: ['detail.safetensors'],
      },
    ]);
    const loras = definitions(['a/ink.safetensors', 'b/ink.safetensors']);
    expect(failure(() => bind(versionOf(), { prompt: '<lora:ink:1>' }, { definitions: loras })).message).toContain(
      'could be a/ink.safetensors or b/ink.safetensors',
    );
    for (const tag of [
      '<lora:detail:much>',
      '<lora:detail:1000>',
      '<lora:>',
      '<lora:detail',
      '<lora:detail> <lora:detail>',
    ]) {
      expect(failure(() => bind(versionOf(), { prompt: tag })).code, tag).toBe('workflow_input_invalid');
    }
  });

  it('go behind separate loaders of model and text encoder', () => {
    const graph: Graph = {
      ...pictureGraph(),
      '4': { class_type: 'UNETLoader', inputs: { unet_name: 'flux.safetensors' } },
      '10': { class_type: 'CLIPLoader', inputs: { clip_name: 't5.safetensors' } },
    };
    for (const id of ['6', '7']) graph[id]!.inputs['clip'] = ['10', 0];
    const { graph: bound } = bind(versionOf({}, graph), { prompt: '<lora:ink>' });
    expect(bound['easel-lora']!.inputs).toMatchObject({ model: ['4', 0], clip: ['10', 0], strength_model: 1 });
    expect(bound['6']!.inputs['clip']).toEqual(['easel-lora', 1]);
  });

  it('need to be told where, in a graph of several models', () => {
    const graph = pictureGraph();
    graph['20'] = { class_type: 'UNETLoader', inputs: { unet_name: 'flux.safetensors' } };
    graph['21'] = { class_type: 'UNETLoader', inputs: { unet_name: 'flux.safetensors' } };
    graph['10'] = { class_type: 'CLIPLoader', inputs: { clip_name: 't5.safetensors' } };
    for (const id of ['6', '7']) graph[id]!.inputs['clip'] = ['10', 0];
    graph['3']!.inputs['model'] = ['20', 0];
    graph['22'] = structuredClone(graph['3']!);
    graph['22'].inputs['model'] = ['21', 0];
    graph['22'].inputs['latent_image'] = ['3', 0];
    graph['8']!.inputs['samples'] = ['22', 0];
    delete graph['4'];
    graph['8']!.inputs['vae'] = ['30', 2];
    graph['30'] = { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sd15.safetensors' } };
    const prompt = 'x <lora:ink>';
    expect(failure(() => bind(versionOf({}, graph), { prompt })).message).toContain('several models (nodes 20, 21)');
    const { graph: bound } = bind(versionOf({ loras: { model: ['20', '21'] } }, graph), { prompt });
    expect(bound['3']!.inputs['model']).toEqual(['easel-lora', 0]);
    expect(bound['22']!.inputs['model']).toEqual(['easel-lora-2', 0]);
    expect(bound['easel-lora-2']!.class_type).toBe('LoraLoaderModelOnly');
  });

  it('stay in the text where the manifest says so, and in negative prompts', () => {
    const prompt = 'a <lora:detail:1>';
    expect(bind(versionOf({ loras: false }), { prompt }).graph['6']!.inputs['text']).toBe(prompt);
    expect(bind(versionOf(), { negative: prompt }).graph['7']!.inputs['text']).toBe(prompt);
  });
});

describe('properties', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((value) => !/<lora:/i.test(value));
  const seed = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const values = fc.record(
    {
      prompt: text,
      negative: text,
      seed,
      steps: fc.integer({ min: 1, max: 10_000 }),
      cfg: fc.double({ min: 0, max: 100, noNaN: true }),
      width: fc.integer({ min: 2, max: 1000 }).map((eighth) => eighth * 8),
      sampler: fc.constantFrom('euler'),
    },
    { requiredKeys: [] },
  );

  it('bind, then read back: every value as it was given, also through storage', () => {
    const version = versionOf();
    fc.assert(
      fc.property(values, (given) => {
        const bound = bind(version, given as JsonObject);
        const graph = parseLossless(stringifyLossless(bound.graph)) as unknown as Graph;
        const at = (node: string, input: string) => graph[node]!.inputs[input];
        if (given.prompt !== undefined) expect(at('6', 'text')).toBe(given.prompt);
        if (given.negative !== undefined) expect(at('7', 'text')).toBe(given.negative);
        if (given.seed !== undefined) expect(BigInt(at('3', 'seed') as number)).toBe(given.seed);
        if (given.steps !== undefined) expect(at('3', 'steps')).toBe(given.steps);
        if (given.cfg !== undefined) expect(at('3', 'cfg')).toBe(given.cfg + 0);
        if (given.width !== undefined) expect(at('5', 'width')).toBe(given.width);
        expect(withoutTitles(replay(version.graph, bound.changes))).toEqual(withoutTitles(bound.graph));
      }),
    );
  });

  it('whatever is sent is bound or refused with a place, and never breaks', () => {
    const version = versionOf();
    const names = fc.oneof(fc.constantFrom(...version.interface.inputs.map(({ name }) => name)), fc.string());
    const anything = fc.oneof(fc.jsonValue(), fc.bigInt(), fc.string({ unit: 'binary' }), fc.constant('<lora:ink:2>'));
    fc.assert(
      fc.property(
        fc.dictionary(names, anything as fc.Arbitrary<JsonObject[string]>, { noNullPrototype: true }),
        (given) => {
          try {
            bind(version, given);
          } catch (error) {
            expect(error).toMatchObject({ code: 'workflow_input_invalid' });
            expect((error as EaselError).details?.['errors']).not.toHaveLength(0);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
