import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, openBench, rehearsalOptions } from '../../../test/helpers/node-bench.js';
import type { InputSpec, NodeDefinition } from '../../graph/types.js';
import { createCoreNodes } from './index.js';
import { encode } from './latent-values.js';
import { loadedModel } from './loaders.js';
import { imageBatch, maskBatch } from './pixels.js';
import type { LinkValues } from './values.js';

/** Every class of the library runs with the inputs that its interface declares, and returns what it declares. */
const SIDE = 64;
const image = imageBatch(SIDE, SIDE, 3, [Buffer.alloc(SIDE * SIDE * 3, Buffer.from([200, 90, 30]))]);
const mask = maskBatch(SIDE, SIDE, [Buffer.alloc(SIDE * SIDE, 128)]);
const latent = encode(image);
const entry = { text: 'a cat', strength: 1, area: null, mask: null, range: [0, 1] as const, guides: [], notes: [] };
const conditioning = { type: 'CONDITIONING', entries: [entry] } as const;
const named = <K extends string>(type: K) => ({ type, name: `${type}.safetensors` });

const LINKS: LinkValues = {
  IMAGE: image,
  MASK: mask,
  MODEL: loadedModel('model.safetensors'),
  CLIP: { type: 'CLIP', names: ['clip'], loras: [], notes: [] },
  CONDITIONING: conditioning,
  LATENT: latent,
  SIGMAS: { type: 'SIGMAS', values: [1, 0.5, 0], full: 1 },
  NOISE: { type: 'NOISE', seed: 1n },
  SAMPLER: { type: 'SAMPLER', name: 'euler' },
  GUIDER: { type: 'GUIDER', model: loadedModel('m'), positive: conditioning, negative: null, cfg: 1 },
  CLIP_VISION_OUTPUT: { type: 'CLIP_VISION_OUTPUT', image },
  HOOKS: { type: 'HOOKS', loras: [] },
  LATENT_OPERATION: { type: 'LATENT_OPERATION', note: '', apply: (value) => value },
  AUDIO: { type: 'AUDIO', sampleRate: 100, clips: [[new Float32Array(50), new Float32Array(50)]], isRehearsed: false },
  VIDEO: { type: 'VIDEO', images: image, fps: 8 },
  VAE: named('VAE'),
  CLIP_VISION: named('CLIP_VISION'),
  STYLE_MODEL: named('STYLE_MODEL'),
  CONTROL_NET: named('CONTROL_NET'),
  UPSCALE_MODEL: named('UPSCALE_MODEL'),
  LATENT_UPSCALE_MODEL: named('LATENT_UPSCALE_MODEL'),
  MODEL_PATCH: named('MODEL_PATCH'),
  GLIGEN: named('GLIGEN'),
  PHOTOMAKER: named('PHOTOMAKER'),
  HOOK_KEYFRAMES: { type: 'HOOK_KEYFRAMES' },
  TIMESTEPS_RANGE: { type: 'TIMESTEPS_RANGE', range: [0, 1] },
  WAN_CAMERA_EMBEDDING: { type: 'WAN_CAMERA_EMBEDDING' },
  TRACKS: { type: 'TRACKS' },
};

/** Values that keep the runs small, whatever the defaults are. */
const SMALL: Readonly<Record<string, number>> = {
  width: SIDE,
  height: SIDE,
  target_width: SIDE,
  target_height: SIDE,
  longer_edge: SIDE,
  shorter_edge: SIDE,
  largest_size: SIDE,
  megapixels: 0.01,
  steps: 3,
  length: 9,
  video_frames: 2,
  seconds: 1,
  duration: 0.2,
  sample_rate: 8000,
  x: 0,
  y: 0,
};

function valueFor(name: string, [type, options = {}]: InputSpec): unknown {
  if (Array.isArray(type)) return type[0] ?? 'any.safetensors';
  if (type === 'COMBO') return (options['options'] as readonly unknown[] | undefined)?.[0] ?? 'any.safetensors';
  if (name in SMALL && (type === 'INT' || type === 'FLOAT')) return SMALL[name];
  switch (type) {
    case 'INT':
    case 'FLOAT':
      return options['default'] ?? 1;
    case 'STRING':
      return options['default'] ?? 'a';
    case 'BOOLEAN':
      return options['default'] ?? false;
    case 'FLOATS':
      return [0.5];
    case '*':
      return 'text';
    case 'COMFY_MATCHTYPE_V3':
      return image;
    case 'COMFY_DYNAMICCOMBO_V3':
      return 'scale width';
    default:
      return LINKS[type as keyof LinkValues];
  }
}

function inputsOf(definition: NodeDefinition, groups: readonly ('required' | 'optional')[]): Record<string, unknown> {
  const inputs: Record<string, unknown> = {};
  for (const group of groups) {
    for (const [name, spec] of Object.entries(definition.input[group] ?? {})) {
      if (spec[0] === 'COMFY_AUTOGROW_V3') {
        const template = spec[1]?.['template'] as unknown as {
          prefix: string;
          input: { required: Record<string, InputSpec> };
        };
        const [inner] = Object.values(template.input.required);
        for (let i = 0; i < 2; i++) inputs[`${name}.${template.prefix}${i}`] = valueFor(name, inner!);
      } else {
        inputs[name] = valueFor(name, spec);
      }
    }
  }
  if (definition.name === 'ResizeImageMaskNode') inputs['resize_type.width'] = 32;
  if (definition.name.startsWith('LoadImage')) inputs['image'] = 'a.png';
  if (definition.name === 'VAEDecodeAudio') inputs['samples'] = { ...latent, seconds: 0.2 };
  return inputs;
}

/** Primitive outputs by type; everything else names its type. */
const PRIMITIVES: Readonly<Record<string, string>> = {
  INT: 'number',
  FLOAT: 'number',
  STRING: 'string',
  BOOLEAN: 'boolean',
};

function checkOutputs(definition: NodeDefinition, outputs: readonly unknown[]): void {
  expect(outputs.length).toBe(definition.output.length);
  outputs.forEach((output, slot) => {
    const declared = String(definition.output[slot]);
    const values = definition.output_is_list?.[slot] ? (output as unknown[]) : [output];
    expect(Array.isArray(values)).toBe(true);
    for (const value of values) {
      if (declared === 'COMFY_MATCHTYPE_V3') continue;
      const primitive = PRIMITIVES[declared];
      if (primitive) expect(['bigint', primitive]).toContain(typeof value);
      else expect((value as { type?: unknown } | null)?.type).toBe(declared);
    }
  });
}

describe('every core node', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
    const png = await sharp(image.frames[0]!, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .png()
      .toBuffer();
    await writeFile(join(bench.folders.input, 'a.png'), png);
    await writeFile(join(bench.folders.output, 'a.png'), png);
  });
  afterAll(() => bench.close());

  const definitions = createCoreNodes({ rehearsal: rehearsalOptions() }).map((node) => node.definition);

  it('has a name of its own', () => {
    expect(new Set(definitions.map((definition) => definition.name)).size).toBe(definitions.length);
  });

  it.each(definitions.map((definition) => [definition.name, definition] as const))(
    '%s runs',
    async (name, definition) => {
      for (const groups of [['required'], ['required', 'optional']] as const) {
        const plain = inputsOf(definition, groups);
        const asLists = Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, [value]]));
        const { outputs, ui } = await bench.run(name, bench.node(name).inputIsList ? asLists : plain);
        if (definition.output_node) expect(ui !== undefined || name === 'SaveImageWebsocket').toBe(true);
        checkOutputs(definition, outputs);
      }
    },
  );
});
