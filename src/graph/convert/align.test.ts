import { describe, expect, it } from 'vitest';
import { CORE_NODES, defineNode, definitionsOf } from '../../../test/helpers/node-definitions.js';
import type { JsonValue } from '../../core/json.js';
import { DefinitionIndex } from '../definitions.js';
import type { NodeDefinition, NodeDefinitions } from '../types.js';
import { readNodeBody } from './model.js';
import { isWidgetProblem, widgetValuesOf } from './widget-values.js';

/** Values by name, or the reason why they cannot be told. */
function read(
  definition: NodeDefinition,
  node: { values?: JsonValue; named?: JsonValue; inputs?: JsonValue[] },
  extra: NodeDefinitions = {},
) {
  const body = readNodeBody('1', definition.name, {
    inputs: node.inputs ?? [],
    ...(node.values === undefined ? {} : { widgets_values: node.values }),
    ...(node.named === undefined ? {} : { widgets_values_named: node.named }),
  });
  const result = widgetValuesOf(body, definition, new DefinitionIndex({ ...definitionsOf(definition), ...extra }));
  return isWidgetProblem(result) ? result.problem : Object.fromEntries(result.values);
}

const sampler = CORE_NODES['KSampler']!;
const settings = { seed: 5, steps: 20, cfg: 8, sampler_name: 'euler', scheduler: 'normal', denoise: 1 };

describe('control_after_generate', () => {
  it.each([
    ['a word', [5, 'randomize', 20, 8, 'euler', 'normal', 1]],
    ['a boolean, as very old files have it', [5, true, 20, 8, 'euler', 'normal', 1]],
    ['a hole', [5, null, 20, 8, 'euler', 'normal', 1]],
    ['nothing', [5, 20, 8, 'euler', 'normal', 1]],
  ])('may be %s', (_, values) => {
    expect(read(sampler, { values })).toEqual(settings);
  });

  it('may stand where none is expected', () => {
    const node = defineNode('N', { count: ['INT', {}], method: [['a', 'b']], note: ['STRING', {}] });
    expect(read(node, { values: [3, 'fixed', 'b', 'x'] })).toEqual({ count: 3, method: 'b', note: 'x' });
    const text = defineNode('T', { count: ['INT', {}], note: ['STRING', {}] });
    expect(read(text, { values: [3, 'fixed', 'x'] })).toEqual({ count: 3, note: 'x' });
    expect(read(text, { values: [3, 'fixed'] })).toEqual({ count: 3, note: 'fixed' });
  });

  it('is implied for seeds, unless the definition denies it', () => {
    const seed = (options: Record<string, JsonValue>) =>
      defineNode('S', { seed: ['INT', options], on: ['BOOLEAN', {}] });
    expect(read(seed({}), { values: [5, true, false] })).toEqual({ seed: 5, on: false });
    expect(read(seed({ control_after_generate: false }), { values: [5, true] })).toEqual({ seed: 5, on: true });
  });

  it('of a combo brings a filter too', () => {
    const node = defineNode('C', { file: [['a', 'b'], { control_after_generate: true }], other: ['STRING', {}] });
    expect(read(node, { values: ['b', 'fixed', '', 'x'] })).toMatchObject({ file: 'b' });
  });
});

describe('slots of buttons and players', () => {
  it.each([
    ['LoadImage', ['pic.png', 'image'], { image: 'pic.png' }],
    ['LoadImage', ['pic.png'], { image: 'pic.png' }],
    ['LoadImageMask', ['pic.png', 'red', 'image'], { image: 'pic.png', channel: 'red' }],
    ['LoadImageMask', ['pic.png', 'red'], { image: 'pic.png', channel: 'red' }],
    ['LoadAudio', ['x.wav', null, ''], { audio: 'x.wav' }],
    ['LoadAudio', ['x.wav', null, null], { audio: 'x.wav' }],
    ['LoadAudio', ['x.wav', null], { audio: 'x.wav' }],
    ['LoadAudio', ['x.wav'], { audio: 'x.wav' }],
  ])('%s %j', (name, values, expected) => {
    expect(read(CORE_NODES[name]!, { values })).toEqual(expected);
  });

  it('may lie before or after optional widgets, or be missing', () => {
    const node = defineNode(
      'L',
      { image: [['a.png'], { image_upload: true }] },
      { optional: { scale: ['FLOAT', { default: 2 }], name: ['STRING', {}] } },
    );
    const expected = { image: 'b.png', scale: 3, name: 'n' };
    expect(read(node, { values: ['b.png', 'image', 3, 'n'] })).toEqual(expected);
    expect(read(node, { values: ['b.png', 3, 'n', 'image'] })).toEqual(expected);
    expect(read(node, { values: ['b.png', 3, 'n'] })).toEqual(expected);
  });
});

describe('arrays of another length', () => {
  it('with values missing at the end get defaults', () => {
    expect(read(sampler, { values: [5, 'fixed', 20, 8] })).toEqual(settings);
    expect(read(sampler, {})).toEqual({ ...settings, seed: 0 });
  });

  it('with a slot for a forced socket skip it', () => {
    const node = defineNode('F', {
      strength: ['FLOAT', { forceInput: true }],
      text: ['STRING', {}],
      count: ['INT', {}],
    });
    expect(read(node, { values: [1, 'x', 3] })).toEqual({ text: 'x', count: 3 });
    expect(read(node, { values: ['x', 3] })).toEqual({ text: 'x', count: 3 });
  });

  it('with a slot for a widget of an unknown type use it', () => {
    const node = defineNode('U', { color: ['MY_COLOR', {}], count: ['INT', {}] });
    expect(read(node, { values: ['#fff', 3] })).toEqual({ color: '#fff', count: 3 });
    expect(read(node, { values: [3] })).toEqual({ count: 3 });
    expect(read(node, { values: [3], inputs: [{ name: 'color', type: 'MY_COLOR', link: 1 }] })).toEqual({ count: 3 });
  });

  it('with holes or extra values skip them', () => {
    const node = defineNode('H', { text: [['x', 'y']], count: ['INT', {}] });
    expect(read(node, { values: ['x', null, 3] })).toEqual({ text: 'x', count: 3 });
    expect(read(node, { values: ['x', 3, 'more', {}] })).toEqual({ text: 'x', count: 3 });
    expect(read(node, { values: [7, 'x', 3] })).toEqual({ text: 'x', count: 3 });
  });

  it('that fit in no way are refused, naming the input', () => {
    expect(read(sampler, { values: ['euler', 'normal', 5] })).toContain('"seed" wants INT but would get "euler"');
  });

  it('keep a choice that this backend does not offer', () => {
    const values = ['other.safetensors'];
    expect(read(CORE_NODES['CheckpointLoaderSimple']!, { values })).toEqual({ ckpt_name: 'other.safetensors' });
  });

  it('do not care what is stored for a linked widget', () => {
    const inputs = [{ name: 'seed', type: 'INT', link: 4, widget: { name: 'seed' } }];
    expect(read(sampler, { values: ['', 'fixed', 20, 8, 'euler', 'normal', 1], inputs })).toEqual({
      ...settings,
      seed: '',
    });
  });
});

describe('values by name', () => {
  it('are taken from an object, unknown plain ones included', () => {
    const node = defineNode('Combine', {
      frame_rate: ['INT', {}],
      format: [['a', 'video/h264']],
      loop: ['INT', { default: 0 }],
    });
    const values = { frame_rate: 8, format: 'video/h264', crf: 19, videopreview: { hidden: true } };
    expect(read(node, { values })).toEqual({ frame_rate: 8, format: 'video/h264', loop: 0, crf: 19 });
  });

  it('are taken where the array does not fit exactly, without unknown ones', () => {
    const named = { ...settings, steps: 30, control_after_generate: 'fixed', gone: 1 };
    expect(read(sampler, { values: [5, 'fixed', 'flow', 30, 8, 'euler', 'normal', 1], named })).toEqual({
      ...settings,
      steps: 30,
    });
    expect(read(sampler, { named })).toEqual({ ...settings, steps: 30 });
  });

  it('give way to an array that fits exactly, as in the window of ComfyUI', () => {
    const named = { ...settings, steps: 30 };
    expect(read(sampler, { values: [5, 'fixed', 25, 8, 'euler', 'normal', 1], named })).toEqual({
      ...settings,
      steps: 25,
    });
  });
});

describe('nested widgets whose order the definitions have lost', () => {
  const sorted = defineNode('Z', { b: ['INT', {}], a: ['INT', {}] });
  const shuffled: NodeDefinition = { ...sorted, input: { required: { a: ['INT', {}], b: ['INT', {}] } } };
  const resize: NodeDefinition = {
    ...CORE_NODES['ResizePicture']!,
    input: {
      required: {
        mode: [
          'COMFY_DYNAMICCOMBO_V3',
          {
            options: [
              {
                key: 'size',
                inputs: {
                  required: { crop: ['COMBO', { options: ['no', 'center'] }], height: ['INT', {}], width: ['INT', {}] },
                },
              },
              { key: 'range', inputs: { required: { end: ['INT', {}], start: ['INT', {}] } } },
            ],
          },
        ],
      },
    },
    input_order: { required: ['mode'] },
  };

  it('are told apart by type and by the habit of width before height', () => {
    expect(read(resize, { values: ['size', 1920, 1088, 'center'] }, { Z: shuffled })).toEqual({
      mode: 'size',
      'mode.width': 1920,
      'mode.height': 1088,
      'mode.crop': 'center',
    });
  });

  it('are taken from the order of the sockets where the file lists them', () => {
    const inputs = ['mode.start', 'mode.end'].map((name) => ({ name, type: 'INT', link: null, widget: { name } }));
    expect(read(resize, { values: ['range', 1, 9], inputs }, { Z: shuffled })).toMatchObject({
      'mode.start': 1,
      'mode.end': 9,
    });
  });

  it('are refused when they could be either', () => {
    expect(read(resize, { values: ['range', 1, 9] }, { Z: shuffled })).toContain('nested inputs in a known order');
  });
});
