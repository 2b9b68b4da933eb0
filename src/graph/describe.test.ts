import { describe, expect, it } from 'vitest';
import { CORE_NODES, defineNode } from '../../test/helpers/node-definitions.js';
import { textToImage } from '../../test/helpers/ui-workflow.js';
import { convertUiToApi } from './convert/index.js';
import { detectInputs } from './inputs.js';
import { findMissing, requireAvailable } from './missing.js';
import { didYouMean, nearestNames } from './nearest.js';
import type { Graph } from './types.js';

const base = convertUiToApi(textToImage().build(), CORE_NODES).graph;

describe('detectInputs', () => {
  it('finds what a text-to-image graph offers', () => {
    const found = detectInputs(base, CORE_NODES);
    expect(found.map(({ name, role, type, nodeId, input }) => [name, role, type, `${nodeId}.${input}`])).toEqual([
      ['prompt', 'prompt', 'string', '2.text'],
      ['negative', 'negative', 'string', '3.text'],
      ['seed', 'seed', 'integer', '5.seed'],
      ['width', 'width', 'integer', '4.width'],
      ['height', 'height', 'integer', '4.height'],
      ['batch_size', 'batch_size', 'integer', '4.batch_size'],
      ['steps', 'steps', 'integer', '5.steps'],
      ['cfg', 'cfg', 'number', '5.cfg'],
      ['sampler', 'sampler', 'choice', '5.sampler_name'],
      ['scheduler', 'scheduler', 'choice', '5.scheduler'],
      ['denoise', 'denoise', 'number', '5.denoise'],
      ['model', 'model', 'choice', '1.ckpt_name'],
    ]);
    expect(found.find(({ name }) => name === 'width')).toMatchObject({ default: 640, min: 16, max: 16384, step: 8 });
    expect(found.find(({ name }) => name === 'prompt')).toMatchObject({ default: 'a lighthouse', multiline: true });
    expect(found.find(({ name }) => name === 'sampler')?.choices).toEqual(['euler', 'heun', 'dpmpp_2m']);
  });

  it('needs no definitions, but then knows no limits', () => {
    const names = detectInputs(base).map(({ name }) => name);
    expect(names).toEqual(detectInputs(base, CORE_NODES).map(({ name }) => name));
  });

  it('offers files with their kind, and numbers names that occur twice', () => {
    const graph: Graph = {
      '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } },
      '2': { class_type: 'LoadImage', inputs: { image: 'b.png' } },
      '3': { class_type: 'LoadImageMask', inputs: { image: 'a.png', channel: 'red' } },
      '4': { class_type: 'LoadAudio', inputs: { audio: 'a.wav' } },
    };
    expect(detectInputs(graph, CORE_NODES)).toMatchObject([
      { name: 'image', mediaKind: 'image', takes: 'upload', type: 'file', default: 'a.png' },
      { name: 'image_2', mediaKind: 'image', nodeId: '2' },
      { name: 'mask', mediaKind: 'mask', input: 'image' },
      { name: 'audio', mediaKind: 'audio' },
    ]);
  });

  it('numbers thousands of them without looking through all for each', () => {
    const loader = { class_type: 'LoraLoader', inputs: { lora_name: 'style.safetensors' } };
    const graph: Graph = Object.fromEntries(Array.from({ length: 20_000 }, (_, id) => [String(id), loader]));
    expect(detectInputs(graph).at(-1)?.name).toBe('lora_20000');
  });

  it('puts what the author marked first, under the names given', () => {
    const graph: Graph = {
      ...base,
      '2': { ...base['2']!, _meta: { title: '$scene What the picture shows' } },
      '4': { ...base['4']!, _meta: { title: 'input: size' } },
      '20': { class_type: 'Custom', inputs: { input_style: 'oil', other: 1 } },
      '21': {
        class_type: 'ComfyUIDeployExternalNumberSliderInt',
        inputs: { input_id: 'count', default_value: 3, min_value: 1, max_value: 9, description: 'How many' },
      },
      '22': {
        class_type: 'ComfyUIDeployExternalImage',
        inputs: { input_id: 'face', default_value_url: 'https://x/y.png' },
      },
      '23': {
        class_type: 'ComfyUIDeployExternalEnum',
        inputs: { input_id: 'mood', default_value: 'calm', options: '["calm","wild"]' },
      },
      '24': { class_type: 'ComfyUIDeployExternalText', inputs: { input_id: 'input_title', default_value: 'Hi' } },
    };
    const found = new Map(detectInputs(graph).map((input) => [input.name, input]));
    expect(found.get('scene')).toMatchObject({
      source: 'title',
      nodeId: '2',
      input: 'text',
      description: 'What the picture shows',
    });
    expect(found.has('prompt')).toBe(false);
    expect(found.get('size')).toMatchObject({ source: 'title', nodeId: '4', input: 'width' });
    expect(found.get('input_style')).toMatchObject({ source: 'marker', nodeId: '20', default: 'oil' });
    expect(found.get('count')).toMatchObject({
      type: 'integer',
      default: 3,
      min: 1,
      max: 9,
      description: 'How many',
      input: 'input_id',
    });
    expect(found.get('face')).toMatchObject({
      type: 'file',
      mediaKind: 'image',
      takes: 'url',
      default: 'https://x/y.png',
    });
    expect(found.get('mood')).toMatchObject({ type: 'choice', choices: ['calm', 'wild'] });
    expect(found.get('input_title')?.targets).toEqual([
      { node: '24', input: 'input_id' },
      { node: '24', input: 'default_value' },
    ]);
  });

  it('gives one seed over several the limits that all of them keep', () => {
    const definitions = {
      A: defineNode('A', { seed: ['INT', { min: 0, max: 2 ** 64 }] }, { outputNode: true }),
      B: defineNode('B', { seed: ['INT', { min: 1, max: 4294967295 }] }, { outputNode: true }),
    };
    const graph: Graph = {
      '1': { class_type: 'A', inputs: { seed: 5 } },
      '2': { class_type: 'B', inputs: { seed: 6 } },
    };
    expect(detectInputs(graph, definitions)).toMatchObject([
      { name: 'seed', min: 1, max: 4294967295, targets: [{}, {}] },
    ]);
  });

  it('ignores nodes that feed no output', () => {
    const graph: Graph = { ...base, '30': { class_type: 'LoadImage', inputs: { image: 'a.png' } } };
    expect(detectInputs(graph, CORE_NODES).some(({ nodeId }) => nodeId === '30')).toBe(false);
  });
});

describe('findMissing', () => {
  const graph: Graph = {
    ...base,
    '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sd15.ckpt' }, _meta: { title: 'The model' } },
    '5': { ...base['5']!, inputs: { ...base['5']!.inputs, sampler_name: 'eular' } },
    '6': { class_type: 'VAEDecode', inputs: { samples: ['5', 0] } },
    '8': { class_type: 'KSamplr', inputs: {} },
    '9': { class_type: 'LoadImage', inputs: { image: 'new.png' } },
    '10': { class_type: 'PreviewImage', inputs: { images: ['9', 0] } },
  };

  it('names classes, choices and inputs with what is near', () => {
    expect(findMissing(graph, CORE_NODES)).toEqual({
      classes: [{ classType: 'KSamplr', nodes: [{ id: '8', title: null }], nearest: ['KSampler'] }],
      choices: [
        {
          nodeId: '1',
          classType: 'CheckpointLoaderSimple',
          title: 'The model',
          input: 'ckpt_name',
          value: 'sd15.ckpt',
          folder: 'checkpoints',
          nearest: ['sd15.safetensors'],
        },
        expect.objectContaining({
          nodeId: '5',
          input: 'sampler_name',
          value: 'eular',
          folder: null,
          nearest: ['euler'],
        }),
      ],
      requiredInputs: [{ nodeId: '6', classType: 'VAEDecode', title: null, input: 'vae' }],
    });
    expect(findMissing(base, CORE_NODES)).toEqual({ classes: [], choices: [], requiredInputs: [] });
  });

  it('looks into the options of dynamic combos', () => {
    const resize: Graph = {
      '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } },
      '2': {
        class_type: 'ResizePicture',
        inputs: { image: ['1', 0], mode: 'size', 'mode.width': 5, 'mode.crop': 'left', method: 'area' },
      },
      '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } },
      '4': { class_type: 'BatchImages', inputs: {} },
      '5': { class_type: 'PreviewImage', inputs: { images: ['4', 0] } },
    };
    const { choices, requiredInputs } = findMissing(resize, CORE_NODES);
    expect(choices).toMatchObject([{ nodeId: '2', input: 'mode.crop', value: 'left' }]);
    expect(requiredInputs).toMatchObject([
      { nodeId: '2', input: 'mode.height' },
      { nodeId: '4', input: 'images' },
    ]);
  });

  it('becomes an error that names everything of its kind', () => {
    expect(() => requireAvailable(graph, CORE_NODES)).toThrow(
      expect.objectContaining({ code: 'backend_node_missing' }),
    );
    const { '8': _, ...known } = graph;
    expect(() => requireAvailable(known, CORE_NODES)).toThrow(
      expect.objectContaining({
        code: 'backend_model_missing',
        message: expect.stringContaining('checkpoints/sd15.ckpt (input "ckpt_name" of node 1'),
        hint: 'It has sd15.safetensors.',
      }),
    );
    expect(() => requireAvailable(base, CORE_NODES)).not.toThrow();
  });
});

describe('nearestNames', () => {
  it.each([
    ['ksampler', ['KSampler', 'SaveImage'], ['KSampler']],
    ['sdxl.ckpt', ['models/SDXL.safetensors', 'sd15.safetensors'], ['models/SDXL.safetensors']],
    ['setps', ['steps', 'seed'], ['steps']],
    ['zzz', ['steps'], []],
    ['', ['steps'], []],
  ])('%s', (name, candidates, expected) => {
    expect(nearestNames(name, candidates)).toEqual(expected);
  });

  it('makes a sentence', () => {
    expect(didYouMean('stps', ['steps'])).toBe('Did you mean "steps"?');
    expect(didYouMean('zzz', ['steps'])).toBe('');
  });
});
