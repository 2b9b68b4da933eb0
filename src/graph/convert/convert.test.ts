import { describe, expect, it } from 'vitest';
import { CORE_NODES, defineNode } from '../../../test/helpers/node-definitions.js';
import { textToImage, UiBuilder } from '../../../test/helpers/ui-workflow.js';
import type { JsonObject } from '../../core/json.js';
import { type Graph, isLink } from '../types.js';
import { type ConvertOptions, convertUiToApi } from './index.js';

function convert(workflow: JsonObject, options: ConvertOptions = {}): Graph {
  return convertUiToApi(workflow, CORE_NODES, { random: () => 0, ...options }).graph;
}

function errorOf(workflow: JsonObject, definitions = CORE_NODES) {
  try {
    convertUiToApi(workflow, definitions);
  } catch (error) {
    return error as { code: string; message: string; details: JsonObject };
  }
  return expect.fail('the workflow was converted');
}

describe('a plain workflow', () => {
  it('keeps values by name, drops control words and keeps titles', () => {
    const graph = convert(textToImage().build());
    expect(graph['5']).toEqual({
      class_type: 'KSampler',
      inputs: {
        seed: 42,
        steps: 20,
        cfg: 7.5,
        sampler_name: 'euler',
        scheduler: 'normal',
        denoise: 1,
        model: ['1', 0],
        positive: ['2', 0],
        negative: ['3', 0],
        latent_image: ['4', 0],
      },
      _meta: { title: 'KSampler' },
    });
    expect(graph['4']?._meta).toEqual({ title: 'Empty Latent Image' });
  });

  it('reads version 1 with links as objects', () => {
    expect(convert(textToImage().buildV1())).toEqual(convert(textToImage().build()));
  });

  it('keeps a seed of 64 bits to the last digit', () => {
    const workflow = textToImage()
      .node(5, 'KSampler', { values: [18446744073709551615n, 'fixed', 20, 7, 'euler', 'normal', 1], inputs: [] })
      .build();
    expect(convert(workflow)['5']?.inputs['seed']).toBe(18446744073709551615n);
  });

  it('resolves by the link of the input, not by the target slot of the link', () => {
    const workflow = textToImage().build();
    for (const link of workflow['links'] as [number, number, number, number, number][]) link[4] = 99;
    expect(convert(workflow)).toEqual(convert(textToImage().build()));
  });
});

describe('widgets turned into sockets', () => {
  it('skip the stored value, and take the linked one', () => {
    const workflow = textToImage()
      .node(8, 'PrimitiveInt', { outputs: ['INT:INT'], values: [9, 'fixed'] })
      .connect(8, 0, 5, 'steps')
      .build();
    expect(convert(workflow)['5']?.inputs).toMatchObject({ seed: 42, steps: ['8', 0], cfg: 7.5, denoise: 1 });
  });

  it.each([
    ['directly', false],
    ['through a reroute', true],
  ])('take the value of a primitive %s', (_, rerouted) => {
    const builder = textToImage().node(8, 'PrimitiveNode', { outputs: ['INT:INT'], values: [33, 'fixed'] });
    if (rerouted) builder.node(9, 'Reroute', { inputs: [':*'], outputs: [':INT'] }).connect(8, 0, 9, 0);
    const graph = convert(builder.connect(rerouted ? 9 : 8, 0, 5, 'steps').build());
    expect(graph['5']?.inputs['steps']).toBe(33);
    expect(graph['8']).toBeUndefined();
  });

  it('keep their own value when the primitive stores none', () => {
    const workflow = textToImage()
      .node(8, 'PrimitiveNode', { outputs: ['INT:INT'] })
      .connect(8, 0, 5, 'steps')
      .build();
    expect(convert(workflow)['5']?.inputs['steps']).toBe(20);
  });

  it('are not reached by a primitive through a bypassed node', () => {
    const workflow = textToImage()
      .node(8, 'PrimitiveNode', { outputs: ['INT:INT'], values: [33, 'fixed'] })
      .node(9, 'PrimitiveInt', { widgets: ['value:INT'], outputs: ['INT:INT'], values: [5, 'fixed'], mode: 4 })
      .connect(8, 0, 9, 'value')
      .connect(9, 0, 5, 'steps')
      .build();
    expect(convert(workflow)['5']?.inputs['steps']).toBe(20);
  });
});

describe('nodes of the window only', () => {
  it('are passed through or left out', () => {
    const workflow = textToImage()
      .node(8, 'Reroute', { inputs: [':*'], outputs: [':MODEL'] })
      .node(9, 'Note', { values: ['read me'] })
      .node(10, 'MarkdownNote', { values: ['# read me'] })
      .connect(1, 0, 8, 0)
      .connect(8, 0, 5, 'model')
      .build();
    expect(convert(workflow)).toEqual(convert(textToImage().build()));
  });

  it('pair set with get by name', () => {
    const workflow = textToImage()
      .node(8, 'SetNode', { inputs: ['MODEL:MODEL'], outputs: ['*:*'], values: ['the model'] })
      .node(9, 'GetNode', { outputs: ['MODEL:MODEL'], values: ['the model'] })
      .connect(1, 0, 8, 0)
      .connect(9, 0, 5, 'model')
      .build();
    expect(convert(workflow)['5']?.inputs['model']).toEqual(['1', 0]);
  });

  it('that connect without links are refused, naming the node', () => {
    const workflow = textToImage()
      .node(8, 'Anything Everywhere', { inputs: ['x:*'], title: 'Broadcast' })
      .build();
    const error = errorOf(workflow, {
      ...CORE_NODES,
      'Anything Everywhere': defineNode('Anything Everywhere', {}),
    });
    expect(error).toMatchObject({ code: 'graph_unconvertible' });
    expect(error.message).toContain('node 8 (Anything Everywhere "Broadcast")');
  });

  it('lead nowhere when they lead in a circle', () => {
    const workflow = textToImage()
      .node(8, 'Reroute', { inputs: [':*'], outputs: [':MODEL'] })
      .node(9, 'Reroute', { inputs: [':*'], outputs: [':MODEL'] })
      .connect(8, 0, 9, 0)
      .connect(9, 0, 8, 0)
      .connect(9, 0, 5, 'model')
      .build();
    expect(convert(workflow)['5']?.inputs['model']).toBeUndefined();
  });
});

describe('muted and bypassed nodes', () => {
  const withLora = (mode: number) =>
    textToImage()
      .node(8, 'LoraLoader', {
        inputs: ['model:MODEL', 'clip:CLIP'],
        outputs: ['MODEL:MODEL', 'CLIP:CLIP'],
        values: ['style.safetensors', 1, 1],
        mode,
      })
      .connect(1, 0, 8, 'model')
      .connect(1, 1, 8, 'clip')
      .connect(8, 0, 5, 'model')
      .connect(8, 1, 2, 'clip');

  it('bypassed: outputs continue at the input of the same type', () => {
    expect(convert(withLora(4).build())).toEqual(convert(textToImage().build()));
  });

  it('muted: the inputs that it fed are gone, with a warning for the required ones', () => {
    const { graph, warnings } = convertUiToApi(withLora(2).build(), CORE_NODES);
    expect(graph['8']).toBeUndefined();
    expect(graph['5']?.inputs).not.toHaveProperty('model');
    expect(graph['2']?.inputs).toEqual({ text: 'a lighthouse' });
    expect(warnings.map(({ code, nodeId }) => [code, nodeId])).toContainEqual(['input_unconnected', '5']);
  });

  it('bypassed with two pairs of one type: each output continues at the opposite input', () => {
    const workflow = textToImage()
      .node(8, 'ControlNetApplyAdvanced', {
        inputs: ['positive:CONDITIONING', 'negative:CONDITIONING', 'image:IMAGE'],
        outputs: ['positive:CONDITIONING', 'negative:CONDITIONING'],
        values: [1],
        mode: 4,
      })
      .connect(2, 0, 8, 'positive')
      .connect(3, 0, 8, 'negative')
      .connect(8, 0, 5, 'positive')
      .connect(8, 1, 5, 'negative')
      .build();
    expect(convert(workflow)['5']?.inputs).toMatchObject({ positive: ['2', 0], negative: ['3', 0] });
  });

  it('bypassed without a fitting or linked input: nothing arrives', () => {
    const workflow = textToImage()
      .node(6, 'VAEDecode', { inputs: ['samples:LATENT', 'vae:VAE'], outputs: ['IMAGE:IMAGE'], mode: 4 })
      .build();
    expect(convert(workflow)['7']?.inputs).toEqual({ filename_prefix: 'ComfyUI' });
    const unlinked = textToImage()
      .node(8, 'ConditioningCombine', {
        inputs: ['conditioning_1:CONDITIONING', 'conditioning_2:CONDITIONING'],
        outputs: ['C:CONDITIONING'],
        mode: 4,
      })
      .connect(2, 0, 8, 'conditioning_2')
      .connect(8, 0, 5, 'positive')
      .build();
    // The first input of the type is chosen, and no second choice is tried.
    expect(convert(unlinked)['5']?.inputs).not.toHaveProperty('positive');
  });

  it('may be of a class that nobody knows', () => {
    const workflow = textToImage()
      .node(8, 'Gone', { inputs: ['model:MODEL'], outputs: ['MODEL:MODEL'], mode: 4 })
      .connect(1, 0, 8, 'model')
      .connect(8, 0, 5, 'model')
      .build();
    expect(convert(workflow)['5']?.inputs['model']).toEqual(['1', 0]);
  });
});

describe('unknown classes', () => {
  it('are all named in one error, with node ids and titles', () => {
    const workflow = textToImage()
      .node(8, 'KSamplr', { inputs: ['model:MODEL'], outputs: ['LATENT:LATENT'], title: 'Second pass' })
      .node(9, 'KSamplr', { inputs: ['model:MODEL'] })
      .node(10, 'Mystery', { outputs: ['IMAGE:IMAGE'] })
      .build();
    const error = errorOf(workflow);
    expect(error).toMatchObject({
      code: 'backend_node_missing',
      details: {
        classes: [
          {
            classType: 'KSamplr',
            nodes: [
              { id: '8', title: 'Second pass' },
              { id: '9', title: null },
            ],
            nearest: ['KSampler'],
          },
          { classType: 'Mystery', nodes: [{ id: '10', title: null }] },
        ],
      },
    });
    expect(error.message).toContain('KSamplr (node 8 "Second pass", 9)');
  });

  it('are left out with a warning when they have no slots at all', () => {
    const { graph, warnings } = convertUiToApi(textToImage().node(8, 'Pretty Label').build(), CORE_NODES);
    expect(graph['8']).toBeUndefined();
    expect(warnings).toMatchObject([{ code: 'node_dropped', nodeId: '8' }]);
  });

  it('called like a member of every object are unknown too', () => {
    expect(
      errorOf(
        textToImage()
          .node(8, 'constructor', { inputs: ['a:A'] })
          .build(),
      ).code,
    ).toBe('backend_node_missing');
  });
});

describe('dynamic inputs', () => {
  const resize = (values: JsonObject[string], widgets: string[] = []) =>
    textToImage()
      .node(8, 'ResizePicture', { inputs: ['image:IMAGE'], widgets, outputs: ['IMAGE:IMAGE'], values })
      .connect(6, 0, 8, 'image')
      .connect(8, 0, 7, 'images');

  it('of a chosen option follow their combo, with dotted names', () => {
    expect(convert(resize(['size', 1920, 1088, 'center', 'lanczos']).build())['8']?.inputs).toEqual({
      image: ['6', 0],
      mode: 'size',
      'mode.width': 1920,
      'mode.height': 1088,
      'mode.crop': 'center',
      method: 'lanczos',
    });
    expect(convert(resize(['factor', 0.5, 'area']).build())['8']?.inputs).toMatchObject({
      mode: 'factor',
      'mode.factor': 0.5,
      method: 'area',
    });
  });

  it('can be linked', () => {
    const workflow = resize(['size', 1, 2, 'no', 'area'], ['mode.width:INT'])
      .node(9, 'PrimitiveInt', { outputs: ['INT:INT'], values: [64, 'fixed'] })
      .connect(9, 0, 8, 'mode.width')
      .build();
    expect(convert(workflow)['8']?.inputs).toMatchObject({ 'mode.width': ['9', 0], 'mode.height': 2, method: 'area' });
  });

  it('that repeat keep the names of the file', () => {
    const workflow = textToImage()
      .node(8, 'BatchImages', { inputs: ['images.image0:IMAGE', 'images.image1:IMAGE'], outputs: ['IMAGE:IMAGE'] })
      .connect(6, 0, 8, 'images.image0')
      .connect(6, 0, 8, 'images.image1')
      .build();
    expect(convert(workflow)['8']?.inputs).toEqual({ 'images.image0': ['6', 0], 'images.image1': ['6', 0] });
  });
});

describe('texts', () => {
  it('replace patterns in the file prefix of save nodes', () => {
    const workflow = textToImage()
      .node(7, 'SaveImage', {
        inputs: ['images:IMAGE'],
        values: ['%date:yyyy-MM-dd%/%Sampler.seed%_%Empty Latent Image.width%_%width%'],
      })
      .connect(6, 0, 7, 'images')
      .node(5, 'KSampler', { values: [42, 'fixed', 20, 7, 'euler', 'normal', 1], title: 'Sampler' })
      .build();
    const graph = convert(workflow, { now: () => new Date(2026, 0, 5) });
    expect(graph['7']?.inputs['filename_prefix']).toBe('2026-01-05/42_640_%width%');
  });

  it('expand dynamic prompts of a widget with the given chance', () => {
    const prompt = (random: number) =>
      convert(
        textToImage()
          .node(2, 'CLIPTextEncode', { values: ['a {red|blue} house // hidden'] })
          .build(),
        {
          random: () => random,
        },
      )['2']?.inputs['text'];
    expect([prompt(0), prompt(0.99)]).toEqual(['a red house ', 'a blue house ']);
  });
});

describe('damage', () => {
  it('with nothing left to run is an error', () => {
    expect(errorOf({ nodes: [], links: [] }).code).toBe('graph_invalid');
    expect(errorOf(new UiBuilder().node(1, 'Note', { values: ['x'] }).build()).code).toBe('graph_invalid');
  });

  it('is tolerated where the rest can be read', () => {
    const workflow = textToImage().build();
    (workflow['nodes'] as unknown[]).push(null, 7, { id: 99 }, { type: 'Note' });
    (workflow['links'] as unknown[]).push(null, [], { id: 'x' }, [77, null, 0, 5, 0, '*']);
    expect(convert(workflow)).toEqual(convert(textToImage().build()));
  });

  it('of an id that would replace a prototype does no harm', () => {
    const workflow = textToImage()
      .node('__proto__', 'PreviewImage', { inputs: ['images:IMAGE'] })
      .build();
    const graph = convert(workflow);
    expect(Object.getPrototypeOf(graph)).toBe(Object.prototype);
    expect(graph).toEqual(convert(textToImage().build()));
  });

  it('of duplicate ids is reported', () => {
    const workflow = textToImage().build();
    const nodes = workflow['nodes'] as JsonObject[];
    nodes.push({ ...nodes[0]!, widgets_values: ['sdxl.safetensors'] });
    const { graph, warnings } = convertUiToApi(workflow, CORE_NODES);
    expect(graph['1']?.inputs['ckpt_name']).toBe('sd15.safetensors');
    expect(warnings).toMatchObject([{ code: 'id_duplicate', nodeId: '1' }]);
  });
});

describe('size', () => {
  it('does not matter to chains of reroutes', () => {
    const length = 20_000;
    const builder = textToImage();
    for (let i = 0; i < length; i++) builder.node(100 + i, 'Reroute', { inputs: [':*'], outputs: [':MODEL'] });
    for (let i = 0; i < length; i++) builder.connect(i === 0 ? 1 : 99 + i, 0, 100 + i, 0);
    const graph = convert(builder.connect(99 + length, 0, 5, 'model').build());
    expect(graph['5']?.inputs['model']).toEqual(['1', 0]);
  });

  it('of 10,000 nodes converts in under a second', () => {
    const builder = textToImage();
    for (let i = 0; i < 10_000; i++) {
      builder.node(100 + i, 'LoraLoader', {
        inputs: ['model:MODEL', 'clip:CLIP'],
        outputs: ['MODEL:MODEL', 'CLIP:CLIP'],
        values: ['style.safetensors', 1, 1],
        mode: i % 3 === 0 ? 4 : 0,
      });
    }
    for (let i = 0; i < 10_000; i++) {
      builder.connect(i === 0 ? 1 : 99 + i, 0, 100 + i, 'model').connect(i === 0 ? 1 : 99 + i, 1, 100 + i, 'clip');
    }
    const workflow = builder.connect(10_099, 0, 5, 'model').build();
    // The best of three, and not counting the time that other programs on the machine had.
    const runs = [1, 2, 3].map(() => {
      const start = performance.now();
      const cpu = process.cpuUsage();
      const graph = convert(workflow);
      const elapsedMs = performance.now() - start;
      const { user, system } = process.cpuUsage(cpu);
      return { graph, ms: Math.min(elapsedMs, (user + system) / 1_000) };
    });
    expect(Math.min(...runs.map(({ ms }) => ms))).toBeLessThan(1_000);
    const { graph } = runs[0]!;
    expect(Object.keys(graph)).toHaveLength(7 + 6_666);
    expect(
      Object.values(graph)
        .flatMap(({ inputs }) => Object.values(inputs))
        .filter(isLink),
    ).toHaveLength(9 + 2 * 6_666);
  });
});
