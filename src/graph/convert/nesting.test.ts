import { describe, expect, it } from 'vitest';
import { CORE_NODES, defineNode, definitionsOf } from '../../../test/helpers/node-definitions.js';
import { type NodeOptions, textToImage, UiBuilder } from '../../../test/helpers/ui-workflow.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import type { Graph, NodeDefinition } from '../types.js';
import { convertUiToApi } from './index.js';

const ENCODE = '11111111-1111-4111-8111-111111111111';
const WRAP = '22222222-2222-4222-8222-222222222222';
const SAMPLE = '33333333-3333-4333-8333-333333333333';

function convert(workflow: JsonObject): Graph {
  return convertUiToApi(workflow, CORE_NODES, { random: () => 0 }).graph;
}

/** A subgraph around one encoder: inputs clip and text, output conditioning. */
function encodeSubgraph(options: NodeOptions = {}): JsonObject {
  return new UiBuilder()
    .node(11, 'CLIPTextEncode', {
      inputs: ['clip:CLIP'],
      widgets: ['text:STRING'],
      outputs: ['C:CONDITIONING'],
      values: ['inner {a|b}'],
      ...options,
    })
    .connect(-10, 0, 11, 'clip')
    .connect(-10, 1, 11, 'text')
    .connect(11, 0, -20, 0)
    .subgraph(ENCODE, 'Encode', ['clip:CLIP', 'text:STRING'], ['C:CONDITIONING']);
}

/** A subgraph around an instance of the first one. */
function wrapSubgraph(options: NodeOptions = {}): JsonObject {
  return new UiBuilder()
    .node(21, ENCODE, { inputs: ['clip:CLIP'], widgets: ['text:STRING'], outputs: ['C:CONDITIONING'], ...options })
    .connect(-10, 0, 21, 'clip')
    .connect(-10, 1, 21, 'text')
    .connect(21, 0, -20, 0)
    .subgraph(WRAP, 'Wrap', ['clip:CLIP', 'text:STRING'], ['C:CONDITIONING']);
}

/** Text to image whose positive encoder is an instance. */
function withInstance(
  type: string,
  options: NodeOptions,
  ...subgraphs: JsonObject[]
): UiBuilder & { file(): JsonObject } {
  const builder = textToImage()
    .node(2, type, { inputs: ['clip:CLIP'], widgets: ['text:STRING'], outputs: ['C:CONDITIONING'], ...options })
    .connect(1, 1, 2, 'clip')
    .connect(2, 0, 5, 'positive');
  return Object.assign(builder, { file: () => builder.build({ definitions: { subgraphs } }) });
}

describe('a subgraph', () => {
  it('becomes its inner nodes, with ids of outer:inner', () => {
    const graph = convert(withInstance(ENCODE, { values: ['outer'] }, encodeSubgraph()).file());
    expect(graph['2']).toBeUndefined();
    expect(graph['2:11']?.inputs).toEqual({ text: 'outer', clip: ['1', 1] });
    expect(graph['5']?.inputs['positive']).toEqual(['2:11', 0]);
  });

  const texts: [string, NodeOptions, string][] = [
    ['stored by position (newest)', { values: ['outer {x|y}'] }, 'outer {x|y}'],
    ['stored by name only', { values: [], named: { text: 'named' } }, 'named'],
    ['stored by position although the slot is not listed', { widgets: [], values: ['outer'] }, 'outer'],
    [
      'stored for its own input in the order of proxies',
      { values: ['mine'], properties: { proxyWidgets: [['-1', 'text']] } },
      'mine',
    ],
    ['pointed at by a proxy', { values: [], properties: { proxyWidgets: [['11', 'text']] } }, 'inner {a|b}'],
    [
      'pointed at by a proxy written as text',
      { values: [], properties: { proxyWidgets: '[["11","text"]]' } },
      'inner {a|b}',
    ],
    ['stored inside (mid 2025)', {}, 'inner {a|b}'],
  ];
  it.each(texts)('shows a promoted widget %s', (_, options, text) => {
    expect(convert(withInstance(ENCODE, options, encodeSubgraph()).file())['2:11']?.inputs['text']).toBe(text);
  });

  describe('whose input feeds a widget and more', () => {
    const definitions = {
      ...CORE_NODES,
      ...definitionsOf(defineNode('ShowText', { text: ['*'] }, { outputs: ['STRING'], outputNode: true })),
    };
    /** The shown text is that of node 11, and nodes 12 and 13 are told it. */
    const shared = () =>
      new UiBuilder()
        .node(12, 'ShowText', { inputs: ['text:*'], outputs: ['STRING:STRING'] })
        .node(11, 'CLIPTextEncode', { inputs: ['clip:CLIP'], widgets: ['text:STRING'], values: ['inside'] })
        .node(13, 'CLIPTextEncode', { inputs: ['clip:CLIP'], widgets: ['text:STRING'], values: ['not this'] })
        .connect(-10, 1, 12, 'text')
        .connect(-10, 1, 11, 'text')
        .connect(-10, 1, 13, 'text')
        .connect(-10, 0, 11, 'clip')
        .connect(-10, 0, 13, 'clip')
        .subgraph(ENCODE, 'Encode', ['clip:CLIP', 'text:STRING'], []);
    const texts = (options: NodeOptions, prefix: string, ...subgraphs: JsonObject[]) => {
      const { graph } = convertUiToApi(
        withInstance(subgraphs.length > 1 ? WRAP : ENCODE, options, ...subgraphs).file(),
        definitions,
      );
      return [11, 12, 13].map((id) => graph[`${prefix}${id}`]?.inputs['text']);
    };

    it.each([
      ['inside', {}, 'inside'],
      ['by the instance', { values: ['outside'] }, 'outside'],
    ])('gives all of them the value that is stored %s', (_, options, text) => {
      expect(texts(options, '2:', shared())).toEqual([text, text, text]);
    });

    it.each([
      ['inside', {}, {}, 'inside'],
      ['by the instance between', {}, { values: ['between'] }, 'between'],
      ['by the outermost instance', { values: ['outside'] }, { values: ['between'] }, 'outside'],
    ])('gives all of them the value that is stored %s, when nested', (_, outer, between, text) => {
      expect(texts(outer, '2:21:', shared(), wrapSubgraph(between))).toEqual([text, text, text]);
    });
  });

  it('takes a link instead of the stored value', () => {
    const builder = withInstance(ENCODE, { values: ['stored'] }, encodeSubgraph());
    builder
      .node(8, 'PrimitiveStringMultiline', { outputs: ['STRING:STRING'], values: ['linked'] })
      .connect(8, 0, 2, 'text');
    expect(convert(builder.file())['2:11']?.inputs['text']).toEqual(['8', 0]);
  });

  it('takes the value of a primitive outside', () => {
    const builder = withInstance(ENCODE, { values: ['stored'] }, encodeSubgraph());
    builder.node(8, 'PrimitiveNode', { outputs: ['STRING:STRING'], values: ['held'] }).connect(8, 0, 2, 'text');
    expect(convert(builder.file())['2:11']?.inputs['text']).toBe('held');
  });

  it('used twice keeps the values of each instance apart', () => {
    const builder = withInstance(ENCODE, { values: ['one'] }, encodeSubgraph());
    builder
      .node(3, ENCODE, {
        inputs: ['clip:CLIP'],
        widgets: ['text:STRING'],
        outputs: ['C:CONDITIONING'],
        values: ['two'],
      })
      .connect(1, 1, 3, 'clip')
      .connect(3, 0, 5, 'negative');
    const graph = convert(builder.file());
    expect([graph['2:11']?.inputs['text'], graph['3:11']?.inputs['text']]).toEqual(['one', 'two']);
  });

  it('matches its inputs by name, whatever their order on the instance', () => {
    const builder = withInstance(ENCODE, { values: ['outer'] }, encodeSubgraph());
    builder.node(2, ENCODE, {
      widgets: ['text:STRING', 'clip:CLIP', 'gone:INT'],
      outputs: ['C:CONDITIONING'],
      values: ['outer'],
    });
    expect(convert(builder.connect(1, 1, 2, 'clip').file())['2:11']?.inputs).toEqual({ text: 'outer', clip: ['1', 1] });
  });

  it('hands an input straight to an output', () => {
    const definition = new UiBuilder().connect(-10, 0, -20, 0).subgraph(WRAP, 'Pass', ['m:MODEL'], ['m:MODEL']);
    const workflow = textToImage()
      .node(8, WRAP, { inputs: ['m:MODEL'], outputs: ['m:MODEL'] })
      .connect(1, 0, 8, 'm')
      .connect(8, 0, 5, 'model')
      .build({ definitions: { subgraphs: [definition] } });
    expect(convert(workflow)['5']?.inputs['model']).toEqual(['1', 0]);
  });

  it('muted: its inside is left out; bypassed: it is bridged', () => {
    const muted = convert(withInstance(ENCODE, { mode: 2 }, encodeSubgraph()).file());
    expect(muted['2:11']).toBeUndefined();
    expect(muted['5']?.inputs).not.toHaveProperty('positive');
    const builder = withInstance(ENCODE, {}, encodeSubgraph());
    builder
      .node(8, ENCODE, { inputs: ['clip:CONDITIONING'], outputs: ['C:CONDITIONING'], mode: 4 })
      .connect(3, 0, 8, 'clip')
      .connect(8, 0, 5, 'positive');
    // The instance's input is a CLIP by its definition, so a conditioning cannot be bridged through it.
    expect(convert(builder.file())['5']?.inputs).not.toHaveProperty('positive');
  });

  const seedValues: [string, JsonValue[], unknown[]][] = [
    ['one slot per widget', [99, 30, 'heun'], [99, 30, 'heun']],
    ['an extra control slot', [99, 'fixed', 30, 'heun'], [99, 30, 'heun']],
    ['missing trailing values', [99], [99, 20, 'euler']],
    ['holes', [null, null, 'heun'], [1, 20, 'heun']],
  ];
  it.each(seedValues)('reads promoted values with %s', (_, values, expected) => {
    const inner = new UiBuilder().node(31, 'KSampler', {
      inputs: ['model:MODEL', 'positive:CONDITIONING', 'negative:CONDITIONING', 'latent_image:LATENT'],
      widgets: ['seed:INT', 'steps:INT', 'sampler_name:COMBO'],
      outputs: ['LATENT:LATENT'],
      values: [1, 'randomize', 20, 7, 'euler', 'normal', 1],
    });
    const names = ['model', 'positive', 'negative', 'latent_image', 'seed', 'steps', 'sampler_name'];
    for (const [index, name] of names.entries()) inner.connect(-10, index, 31, name);
    const types = ['MODEL', 'CONDITIONING', 'CONDITIONING', 'LATENT', 'INT', 'INT', 'COMBO'];
    const definition = inner.connect(31, 0, -20, 0).subgraph(
      SAMPLE,
      'Sample',
      names.map((name, index) => `${name}:${types[index]}`),
      ['LATENT:LATENT'],
    );
    const workflow = textToImage()
      .node(5, SAMPLE, {
        inputs: names.slice(0, 4).map((name, index) => `${name}:${types[index]}`),
        outputs: ['LATENT:LATENT'],
        values,
      })
      .build({ definitions: { subgraphs: [definition] } });
    const { seed, steps, sampler_name } = convert(workflow)['5:31']!.inputs;
    expect([seed, steps, sampler_name]).toEqual(expected);
  });
});

describe('nested subgraphs', () => {
  const text = (options: NodeOptions, inner: NodeOptions) =>
    convert(withInstance(WRAP, options, encodeSubgraph(), wrapSubgraph(inner)).file())['2:21:11']?.inputs['text'];

  it('take the outermost value that is stored', () => {
    expect(text({ values: ['top'] }, { values: ['middle'] })).toBe('top');
    expect(text({ values: [] }, { values: ['middle'] })).toBe('middle');
    expect(text({ values: [] }, { values: [] })).toBe('inner {a|b}');
  });

  it('may be defined inside of each other', () => {
    const outer = { ...wrapSubgraph(), definitions: { subgraphs: [encodeSubgraph()] } };
    expect(convert(withInstance(WRAP, {}, outer).file())['2:21:11']?.inputs['clip']).toEqual(['1', 1]);
  });

  it.each([
    ['muted', 2],
    ['bypassed', 4],
  ])('%s inside of another are left out, with a warning', (_, mode) => {
    const workflow = withInstance(WRAP, {}, encodeSubgraph(), wrapSubgraph({ mode })).file();
    const { graph, warnings } = convertUiToApi(workflow, CORE_NODES, { random: () => 0 });
    expect(Object.keys(graph).filter((id) => id.startsWith('2:'))).toEqual([]);
    expect(warnings.map(({ code, nodeId }) => [code, nodeId])).toContainEqual(['nested_mode', '2:21']);
  });

  it('name unknown classes by their full id', () => {
    const workflow = withInstance(
      WRAP,
      {},
      { ...encodeSubgraph(), nodes: [{ id: 11, type: 'Gone', inputs: [{ name: 'x' }] }] },
      wrapSubgraph(),
    ).file();
    expect(() => convert(workflow)).toThrow('Gone (node 2:21:11)');
  });

  it('that contain themselves, or grow without bound, are refused', () => {
    const self = new UiBuilder().node(1, WRAP).subgraph(WRAP, 'Self', [], []);
    expect(() => convert(withInstance(WRAP, {}, self).file())).toThrow('contains itself');
    const levels = Array.from({ length: 12 }, (_, level) => {
      const builder = new UiBuilder();
      for (let i = 0; i < 10; i++) builder.node(i, level === 11 ? 'Note' : `level-${level + 1}`);
      return builder.subgraph(`level-${level}`, `Level ${level}`, [], []);
    });
    const bomb = textToImage()
      .node(9, 'level-0')
      .build({ definitions: { subgraphs: levels } });
    expect(() => convertUiToApi(bomb, CORE_NODES, { maxNodes: 10_000 })).toThrow('more than 10000 nodes');
  });

  it('are not walked through once for each way in, where an instance stores values for an input', () => {
    // Ten ways through each of twelve levels, and no widget behind any of them.
    const levels = Array.from({ length: 12 }, (_, level) => {
      const builder = new UiBuilder();
      for (let i = 0; i < 10; i++) {
        builder.node(i, level === 11 ? 'Note' : `level-${level + 1}`, { inputs: ['x:STRING'] }).connect(-10, 0, i, 'x');
      }
      return builder.subgraph(`level-${level}`, `Level ${level}`, ['x:STRING'], []);
    });
    const file = textToImage()
      .node(9, 'level-0', { inputs: ['x:STRING'], values: ['stored'] })
      .build({ definitions: { subgraphs: levels } });
    expect(() => convertUiToApi(file, CORE_NODES, { maxNodes: 10_000 })).toThrow(/more than 10000 nodes|do not fit/);
  });

  it('that are nested without end are refused, and not walked until the stack is full', () => {
    const depth = 20_000;
    const levels = Array.from({ length: depth }, (_, level) =>
      new UiBuilder()
        .node(1, level === depth - 1 ? 'Note' : `level-${level + 1}`, { inputs: ['x:STRING'] })
        .connect(-10, 0, 1, 'x')
        .subgraph(`level-${level}`, `Level ${level}`, ['x:STRING'], []),
    );
    const file = textToImage()
      .node(9, 'level-0', { inputs: ['x:STRING'], values: ['stored'] })
      .build({ definitions: { subgraphs: levels } });
    expect(() => convertUiToApi(file, CORE_NODES)).toThrow(/nested deeper|do not fit/);
  });
});

describe('a group node', () => {
  /** Sampler settings, a primitive for the steps and an inner reroute: values in the order of the inner nodes. */
  const group: JsonObject = {
    nodes: [
      {
        type: 'PrimitiveNode',
        outputs: [{ name: 'INT', type: 'INT', widget: { name: 'steps' } }],
        title: 'step count',
        widgets_values: [7, 'fixed'],
      },
      { type: 'Reroute', inputs: [{ name: '', type: '*' }], outputs: [{ name: '', type: '*' }] },
      {
        type: 'KSampler',
        inputs: [
          { name: 'model', type: 'MODEL' },
          { name: 'positive', type: 'CONDITIONING' },
          { name: 'negative', type: 'CONDITIONING' },
          { name: 'latent_image', type: 'LATENT' },
          { name: 'steps', type: 'INT', widget: { name: 'steps' } },
        ],
        outputs: [{ name: 'LATENT', type: 'LATENT' }],
        widgets_values: [1, 'randomize', 20, 7, 'euler', 'normal', 1],
      },
      {
        type: 'VAEDecode',
        inputs: [
          { name: 'samples', type: 'LATENT' },
          { name: 'vae', type: 'VAE' },
        ],
        outputs: [{ name: 'IMAGE', type: 'IMAGE' }],
      },
    ],
    links: [
      [0, 0, 2, 4, 50, 'INT'],
      [null, 0, 1, 0, 51, 'MODEL'],
      [1, 0, 2, 0, 52, 'MODEL'],
      [2, 0, 3, 0, 53, 'LATENT'],
    ],
    external: [],
    config: { '1': { input: { MODEL: { name: 'the model' } } } },
  };

  const workflow = (type: string, inputs: string[], values: JsonValue[]) =>
    textToImage()
      .node(30, type, { inputs, outputs: ['IMAGE:IMAGE'], values })
      .connect(1, 0, 30, 0)
      .connect(2, 0, 30, 1)
      .connect(3, 0, 30, 2)
      .connect(4, 0, 30, 3)
      .connect(1, 2, 30, 4)
      .connect(30, 0, 7, 'images')
      .build({ extra: { groupNodes: { Studio: group } } });

  const named = ['the model:MODEL', 'positive:CONDITIONING', 'negative:CONDITIONING', 'latent_image:LATENT', 'vae:VAE'];

  it.each(['workflow>Studio', 'workflow/Studio'])('of type %s becomes its inner nodes', (type) => {
    const graph = convert(workflow(type, named, [12, 99, 'fixed', 3.5, 'heun', 'karras', 0.9]));
    expect(graph['30:2']).toEqual({
      class_type: 'KSampler',
      inputs: {
        model: ['1', 0],
        positive: ['2', 0],
        negative: ['3', 0],
        latent_image: ['4', 0],
        seed: 99,
        steps: 12,
        cfg: 3.5,
        sampler_name: 'heun',
        scheduler: 'karras',
        denoise: 0.9,
      },
      _meta: { title: 'KSampler' },
    });
    expect(graph['30:3']?.inputs).toEqual({ samples: ['30:2', 0], vae: ['1', 2] });
    expect(graph['7']?.inputs['images']).toEqual(['30:3', 0]);
    expect(Object.keys(graph).filter((id) => id.startsWith('30'))).toEqual(['30:2', '30:3']);
  });

  it('matches inputs by position where their names have changed', () => {
    const renamed = ['m:MODEL', 'pos:CONDITIONING', 'neg:CONDITIONING', 'lat:LATENT', 'v:VAE'];
    const graph = convert(workflow('workflow>Studio', renamed, []));
    expect(graph['30:2']?.inputs).toMatchObject({
      model: ['1', 0],
      positive: ['2', 0],
      latent_image: ['4', 0],
      steps: 7,
      seed: 1,
    });
    expect(graph['30:3']?.inputs['vae']).toEqual(['1', 2]);
  });

  it('older than a widget of its inner node holds the default of that widget', () => {
    const sampler = CORE_NODES['KSampler']!;
    const newer: NodeDefinition = {
      ...sampler,
      input: { required: { ...sampler.input.required, style: [['plain', 'fancy']] } },
    };
    const older = {
      ...group,
      nodes: (group['nodes'] as JsonObject[]).map((node) =>
        node['type'] === 'KSampler' ? { ...node, widgets_values: [] } : node,
      ),
    };
    const file = { ...workflow('workflow>Studio', named, []), extra: { groupNodes: { Studio: older } } };
    const { graph } = convertUiToApi(file, { ...CORE_NODES, KSampler: newer });
    expect(graph['30:2']?.inputs).toMatchObject({ style: 'plain', sampler_name: 'euler', seed: 0 });
  });

  it('whose values fit nothing is refused by name', () => {
    expect(() => convert(workflow('workflow>Studio', named, ['no', 'such', 'values']))).toThrow(
      'node 30 (workflow>Studio)',
    );
  });

  it('without a definition is an unknown class', () => {
    const { extra: _, ...without } = workflow('workflow>Studio', named, []);
    expect(() => convert(without)).toThrow('workflow>Studio (node 30)');
  });
});
