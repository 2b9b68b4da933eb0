import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fingerprint } from './fingerprint.js';
import type { Graph } from './types.js';

const GRAPH: Graph = {
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sd.safetensors' } },
  '10': {
    class_type: 'LoraLoader',
    inputs: { model: ['4', 0], clip: ['4', 1], lora_name: 'b.safetensors', strength_model: 0.8, strength_clip: 1 },
  },
  '11': {
    class_type: 'LoraLoader',
    inputs: { model: ['10', 0], clip: ['10', 1], lora_name: 'a.safetensors', strength_model: ['7', 0] },
  },
  '8': { class_type: 'VAEDecode', inputs: { samples: ['11', 0], vae: ['4', 2] } },
  '9': { class_type: 'SaveImage', inputs: { images: ['8', 0] } },
};

test('names what is loaded, LoRAs apart', () => {
  expect(fingerprint(GRAPH)).toMatchObject({
    modelKey: 'checkpoints:sd.safetensors',
    loraKey: 'a.safetensors@linked/|b.safetensors@0.8/1',
    classes: ['CheckpointLoaderSimple', 'LoraLoader', 'SaveImage', 'VAEDecode'],
  });
});

test('a loader that feeds no output node does not count', () => {
  const definitions = {
    SaveImage: { name: 'SaveImage', input: {}, output: [], output_node: true },
    VAELoader: { name: 'VAELoader', input: {}, output: ['VAE'] },
  };
  const graph = { ...GRAPH, '20': { class_type: 'VAELoader', inputs: { vae_name: 'unused.safetensors' } } };
  expect(fingerprint(graph, definitions).modelKey).toBe('checkpoints:sd.safetensors');
});

test('knows nodes that load several LoRAs', () => {
  const stack = {
    lora_1: { on: true, lora: 'a.safetensors', strength: 0.5 },
    lora_2: { on: false, lora: 'off.safetensors', strength: 1 },
  };
  expect(fingerprint({ '1': { class_type: 'Stack', inputs: stack } }).loraKey).toBe('a.safetensors@0.5/0.5');
});

test('is not misled by names that every object has', () => {
  const graph: Graph = { '1': { class_type: 'constructor', inputs: { name: 'x', constructor: 'y', toString: 'z' } } };
  expect(fingerprint(graph)).toMatchObject({ modelKey: '', models: [] });
});

test('does not depend on node ids or the order of keys', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(Object.keys(GRAPH), { minLength: 5 }), fc.string(), (order, prefix) => {
      const rename = (id: string) => `${prefix}${id}x`;
      const renamed: Graph = {};
      for (const id of order) {
        const { class_type, inputs } = GRAPH[id]!;
        const entries = Object.entries(inputs).map(([name, value]) => [
          name,
          Array.isArray(value) ? [rename(String(value[0])), value[1]] : value,
        ]);
        renamed[rename(id)] = { class_type, inputs: Object.fromEntries(entries.reverse()) };
      }
      const { modelKey, loraKey } = fingerprint(renamed);
      expect({ modelKey, loraKey }).toEqual({
        modelKey: fingerprint(GRAPH).modelKey,
        loraKey: fingerprint(GRAPH).loraKey,
      });
    }),
  );
});
