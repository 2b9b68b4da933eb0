import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CORE_NODES, defineNode } from '../../test/helpers/node-definitions.js';
import { textToImage } from '../../test/helpers/ui-workflow.js';
import type { EaselError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import { type BindOptions, setInput, setInputs, setNegative, setPrompt, setSeed } from './bind.js';
import { convertUiToApi } from './convert/index.js';
import type { Graph } from './types.js';

const base = convertUiToApi(
  textToImage()
    .node(5, 'KSampler', {
      inputs: ['model:MODEL', 'positive:CONDITIONING', 'negative:CONDITIONING', 'latent_image:LATENT'],
      outputs: ['LATENT:LATENT'],
      values: [42, 'fixed', 20, 7.5, 'euler', 'normal', 1],
      title: 'First pass',
    })
    .connect(1, 0, 5, 'model')
    .connect(2, 0, 5, 'positive')
    .connect(3, 0, 5, 'negative')
    .connect(4, 0, 5, 'latent_image')
    .build(),
  CORE_NODES,
).graph;
const definitions = CORE_NODES;
const options: BindOptions = { definitions };

function faultOf(run: () => unknown): EaselError {
  try {
    run();
  } catch (error) {
    return error as EaselError;
  }
  return expect.fail('it was accepted');
}

describe('setInput', () => {
  it('returns a new graph and what it changed', () => {
    const { graph, changes } = setInput(base, '5.steps', '30', options);
    expect(graph['5']?.inputs['steps']).toBe(30);
    expect(changes).toEqual([{ nodeId: '5', input: 'steps', from: 20, to: 30 }]);
    expect(base['5']?.inputs['steps']).toBe(20);
    expect(graph['6']).toBe(base['6']);
    expect(setInput(graph, '5.steps', 30, options).changes).toEqual([]);
  });

  it.each(['5.cfg', 'First pass.cfg', 'first PASS.cfg', 'KSampler.cfg', 'ksampler.cfg'])('finds %s', (target) => {
    expect(setInput(base, target, 3, options).graph['5']?.inputs['cfg']).toBe(3);
  });

  it('finds names with dots, and inputs that only the definition has', () => {
    const graph: Graph = {
      'a.b': {
        class_type: 'ResizePicture',
        inputs: { mode: 'size', 'mode.width': 1 },
        _meta: { title: 'v1.5 resize' },
      },
    };
    expect(setInput(graph, 'a.b.mode.width', '7', options).graph['a.b']?.inputs['mode.width']).toBe(7);
    expect(setInput(graph, 'v1.5 resize.method', 'area', options).changes).toEqual([
      { nodeId: 'a.b', input: 'method', from: undefined, to: 'area' },
    ]);
    expect(
      setInput(graph, { node: 'a.b', input: 'mode.height' }, '9', options).graph['a.b']?.inputs['mode.height'],
    ).toBe(9);
  });

  const values: [string, JsonValue, JsonValue][] = [
    ['5.seed', '18446744073709551615', 18446744073709551615n],
    ['5.seed', 18446744073709551615n, 18446744073709551615n],
    ['5.seed', 7n, 7],
    ['5.seed', '+5.0', 5],
    ['5.cfg', '1e1', 10],
    ['5.sampler_name', 'HEUN', 'heun'],
    ['2.text', 5, '5'],
    ['2.text', true, 'true'],
    ['2.text', '{"a": [1]}', '{"a": [1]}'],
  ];
  it.each(values)('%s = %s', (target, value, expected) => {
    const [node, input] = target.split('.') as [string, string];
    expect(setInput(base, target, value, options).graph[node]?.inputs[input]).toEqual(expected);
  });

  const wrong: [string, JsonValue, RegExp][] = [
    ['5.steps', 'many', /takes a whole number; it was given "many"/],
    ['5.steps', 2.5, /takes a whole number/],
    ['5.steps', 0, /must be at least 1/],
    ['5.steps', '10001', /must be at most 10000/],
    ['5.seed', '18446744073709551616', /must be at most 18446744073709551615/],
    ['5.seed', -1, /must be at least 0/],
    ['5.cfg', 'NaN', /takes a number/],
    ['5.cfg', null, /takes a number/],
    ['2.text', ['a'], /takes a text/],
    ['5.sampler_name', 'eulr', /does not offer "eulr"/],
    ['5.sampler_name', ['euler'], /takes one choice/],
    ['5.model', 'x', /is linked to node 1/],
  ];
  it.each(wrong)('refuses %s = %s', (target, value, message) => {
    const error = faultOf(() => setInput(base, target, value, options));
    expect(error.code).toBe('graph_input_invalid');
    expect(error.message).toMatch(message);
  });

  it('takes words for truth, but never "false" for true', () => {
    const node = defineNode('N', { on: ['BOOLEAN', {}] });
    const graph: Graph = { '1': { class_type: 'N', inputs: { on: true } } };
    const set = (value: JsonValue) =>
      setInput(graph, '1.on', value, { definitions: { N: node } }).graph['1']?.inputs['on'];
    expect(['false', 'No', 0, '1', 'on', true].map(set)).toEqual([false, false, false, true, true, true]);
    expect(faultOf(() => set('maybe')).code).toBe('graph_input_invalid');
  });

  it('names choices and near names as the way out', () => {
    expect(faultOf(() => setInput(base, '5.sampler_name', 'eulr', options)).hint).toBe('Did you mean "euler"?');
    expect(faultOf(() => setInput(base, '5.scheduler', 'zzz', options)).hint).toBe('Choices: normal, karras.');
    const input = faultOf(() => setInput(base, '5.step', 1, options));
    expect(input).toMatchObject({ code: 'graph_input_unknown', hint: 'Did you mean "steps"?' });
    expect(faultOf(() => setInput(base, 'First pas.cfg', 1, options)).hint).toContain('"First pass"');
    expect(faultOf(() => setInput(base, 'CLIPTextEncode.text', 'x', options)).message).toContain('could be node 2');
    expect(faultOf(() => setInput(base, 'steps', 1, options)).message).toContain('write it as node.input');
  });

  it('replaces a link only when asked, and never gives a socket a value', () => {
    const linked: Graph = { ...base, '9': { class_type: 'PrimitiveInt', inputs: { value: 5 } } };
    linked['5'] = { ...base['5']!, inputs: { ...base['5']!.inputs, steps: ['9', 0] } };
    const error = faultOf(() => setInput(linked, '5.steps', 8, options));
    expect(error).toMatchObject({ code: 'graph_input_invalid' });
    expect(error.message).toContain('is linked to node 9 (PrimitiveInt)');
    expect(setInput(linked, '5.steps', 8, { ...options, replaceLinks: true }).graph['5']?.inputs['steps']).toBe(8);
    expect(faultOf(() => setInput(base, '5.model', 'x', { ...options, replaceLinks: true })).message).toContain(
      'takes a link',
    );
  });

  it('accepts any name of an uploaded file', () => {
    const graph: Graph = { '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } } };
    expect(setInput(graph, '1.image', 'easel/new.png', options).graph['1']?.inputs['image']).toBe('easel/new.png');
  });

  it('goes by the present value without definitions', () => {
    expect(setInput(base, '5.steps', '30').graph['5']?.inputs['steps']).toBe(30);
    expect(setInput(base, '5.cfg', '2.5').graph['5']?.inputs['cfg']).toBe(2.5);
    expect(setInput(base, '2.text', 30).graph['2']?.inputs['text']).toBe('30');
    expect(faultOf(() => setInput(base, '5.steps', 'x')).code).toBe('graph_input_invalid');
    expect(faultOf(() => setInput(base, '5.other', 'x')).code).toBe('graph_input_unknown');
  });

  it('wraps lists, so that no list is ever read as a link', () => {
    const graph: Graph = { '1': { class_type: 'Any', inputs: { list: null } } };
    expect(setInput(graph, '1.list', ['2', 0]).graph['1']?.inputs['list']).toEqual({ __value__: ['2', 0] });
  });

  it('reads back what it wrote', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, (value) => setInput(base, '2.text', value, options).graph['2']?.inputs['text'] === value),
    );
    const seed = fc.bigInt({ min: 0n, max: 18446744073709551615n });
    fc.assert(
      fc.property(
        seed,
        (value) =>
          BigInt(setInput(base, '5.seed', String(value), options).graph['5']?.inputs['seed'] as number) === value,
      ),
    );
  });

  it('sets several inputs to one value', () => {
    const targets = [
      { node: '2', input: 'text' },
      { node: '3', input: 'text' },
    ];
    expect(setInputs(base, targets, 'same', options).changes.map(({ nodeId }) => nodeId)).toEqual(['2', '3']);
  });
});

describe('setSeed', () => {
  it('sets every seed, the ones held by primitives too', () => {
    const graph: Graph = {
      '1': { class_type: 'KSampler', inputs: { seed: 1 } },
      '2': { class_type: 'RandomNoise', inputs: { noise_seed: 2 } },
      '3': { class_type: 'KSampler', inputs: { seed: ['4', 0] } },
      '4': { class_type: 'PrimitiveInt', inputs: { value: 3 } },
    };
    const { changes } = setSeed(graph, 18446744073709551615n);
    expect(changes.map(({ nodeId, input, to }) => [nodeId, input, to])).toEqual([
      ['1', 'seed', 18446744073709551615n],
      ['2', 'noise_seed', 18446744073709551615n],
      ['4', 'value', 18446744073709551615n],
    ]);
  });

  it('refuses what is no seed, and graphs without one', () => {
    expect(faultOf(() => setSeed(base, -1)).code).toBe('graph_input_invalid');
    expect(faultOf(() => setSeed(base, 2 ** 60)).code).toBe('graph_input_invalid');
    expect(faultOf(() => setSeed(base, 18446744073709551616n)).code).toBe('graph_input_invalid');
    expect(faultOf(() => setSeed({ '1': { class_type: 'A', inputs: {} } }, 1)).code).toBe('graph_input_unknown');
  });
});

describe.each([
  ['with definitions', options],
  ['without definitions', {}],
])('prompts %s', (_, given) => {
  const changed = ({ changes }: ReturnType<typeof setPrompt>) =>
    changes.map(({ nodeId, input }) => `${nodeId}.${input}`);
  const encoder = (text: JsonValue) => ({
    class_type: 'CLIPTextEncode',
    inputs: { text, clip: ['1', 1] as JsonValue },
  });
  const withNode = (graph: Graph, id: string, class_type: string, inputs: Record<string, JsonValue>): Graph => ({
    ...graph,
    [id]: { class_type, inputs },
  });
  const relinked = (graph: Graph, input: string, link: JsonValue): Graph => ({
    ...graph,
    '5': { ...graph['5']!, inputs: { ...graph['5']!.inputs, [input]: link } },
  });

  it('are found from the sampler', () => {
    expect(changed(setPrompt(base, 'new', given))).toEqual(['2.text']);
    expect(changed(setNegative(base, 'new', given))).toEqual(['3.text']);
  });

  it('are found through ControlNet, each side by its output', () => {
    let graph = withNode(base, '8', 'ControlNetApplyAdvanced', {
      positive: ['2', 0],
      negative: ['3', 0],
      image: 'x',
      strength: 1,
    });
    graph = relinked(relinked(graph, 'positive', ['8', 0]), 'negative', ['8', 1]);
    expect(changed(setPrompt(graph, 'new', given))).toEqual(['2.text']);
    expect(changed(setNegative(graph, 'new', given))).toEqual(['3.text']);
  });

  it('are found behind a guider and a text node', () => {
    let graph = withNode(base, '8', 'PrimitiveStringMultiline', { value: 'held' });
    graph = {
      ...graph,
      '2': encoder(['8', 0]),
      '9': { class_type: 'BasicGuider', inputs: { model: ['1', 0], conditioning: ['2', 0] } },
    };
    graph['5'] = { class_type: 'SamplerCustomAdvanced', inputs: { guider: ['9', 0], latent_image: ['4', 0] } };
    expect(changed(setPrompt(graph, 'new', given))).toEqual(['8.value']);
    expect(faultOf(() => setNegative(graph, 'new', given)).message).toContain('works without one');
  });

  it('have no negative side when it is zeroed out or shared', () => {
    const zeroed = relinked(withNode(base, '8', 'ConditioningZeroOut', { conditioning: ['2', 0] }), 'negative', [
      '8',
      0,
    ]);
    expect(faultOf(() => setNegative(zeroed, 'new', given)).code).toBe('graph_input_unknown');
    expect(faultOf(() => setNegative(relinked(base, 'negative', ['2', 0]), 'new', given)).code).toBe(
      'graph_input_unknown',
    );
  });

  it('made of different texts are left to the user', () => {
    let graph: Graph = { ...base, '8': encoder('a hill') };
    graph = withNode(graph, '9', 'ConditioningCombine', { conditioning_1: ['2', 0], conditioning_2: ['8', 0] });
    const error = faultOf(() => setPrompt(relinked(graph, 'positive', ['9', 0]), 'new', given));
    expect(error).toMatchObject({ code: 'graph_input_unknown', details: { candidates: ['2.text', '8.text'] } });
    graph['8'] = encoder('a lighthouse');
    expect(changed(setPrompt(relinked(graph, 'positive', ['9', 0]), 'new', given))).toEqual(['2.text', '8.text']);
  });
});
