import { describe, expect, it } from 'vitest';
import { definitions, pictureGraph } from '../../../test/helpers/picture-graph.js';
import type { JsonObject } from '../../core/json.js';
import type { Graph } from '../../graph/index.js';
import { buildVersion } from '../build.js';
import { parseManifest } from '../manifest.js';
import { type BindableVersion, bindInputs, checkInputs } from './bind.js';
import { deploymentProblems, toDeployment, versionForDeployment } from './deployment.js';

const MEDIA_ID = '0198c5a0-0000-7000-8000-000000000001';
const PNG = 'data:image/png;base64,aGk=';

const node = (kind: string, inputs: JsonObject) => ({ class_type: `ComfyUIDeployExternal${kind}`, inputs });

/** A picture with markers for its text, its height, a mood and a switch; its steps and its seed have none. */
function markedGraph(more: Graph = {}): Graph {
  const graph: Graph = {
    ...pictureGraph(),
    '20': node('Text', { input_id: 'scene', default_value: 'a cat' }),
    '21': node('NumberInt', { input_id: 'height', default_value: 64 }),
    '22': node('Number', { input_id: 'zoom', default_value: 0.5 }),
    '23': node('Boolean', { input_id: 'tiled', default_value: false }),
    '24': node('Image', { input_id: 'photo', default_value_url: '' }),
    '25': node('Seed', { input_id: 'luck', default_value: -1, min_value: 1, max_value: 4294967295 }),
    ...more,
  };
  graph['6'] = { ...graph['6']!, inputs: { ...graph['6']!.inputs, text: ['20', 0] } };
  return graph;
}

function versionOf(manifest: JsonObject = {}, graph: Graph = markedGraph()): BindableVersion {
  const built = buildVersion({
    file: { format: 'api', graph },
    manifest: parseManifest(manifest),
    definitions: definitions(),
  });
  return { workflow: 'cat', hash: built.hash, graph: built.graph, interface: built.interface };
}

function send(stored: BindableVersion, inputs: JsonObject = {}) {
  const given = checkInputs(stored, inputs);
  const version = versionForDeployment(stored, given);
  const bound = bindInputs(version, given, {
    randomSeed: () => 41n,
    random: () => 0,
    now: new Date(2026, 10, 24),
    nextSeeds: new Map(),
    mediaIds: new Map([...given.files.keys()].map((name) => [name, MEDIA_ID])),
  });
  return toDeployment(version, bound);
}

const refusals = (version: BindableVersion, inputs: JsonObject) =>
  deploymentProblems(version, checkInputs(version, inputs));

describe('what a deployment is given', () => {
  it('is the bound value, by the input_id of the node', () => {
    const version = versionOf({
      inputs: [{ name: 'prompt', from: 'scene', prompt: { prefix: 'oil', base: 'soft light', suffix: 'signed' } }],
    });
    const { deployment, bound } = send(version, { prompt: 'a fox' });
    expect(deployment).toEqual({ values: { scene: 'oil, a fox, soft light, signed' }, files: [] });
    expect(bound.inputs).toEqual({ prompt: 'a fox' });
    expect(bound.changes.filter(({ node: id }) => id === '20')).toMatchObject([
      { input: 'input_id', from: 'scene', to: 'oil, a fox, soft light, signed' },
      { input: 'default_value', from: 'a cat', to: 'oil, a fox, soft light, signed' },
    ]);
  });

  it('has the type of its node, and defaults and drawn seeds are sent too', () => {
    const version = versionOf({ discover: 'marked' });
    const { deployment, bound } = send(version, {
      photo: 'https://example.com/a.png',
      height: 128,
      zoom: 0.25,
      tiled: false,
    });
    const expected = { scene: 'a cat', height: 128, zoom: 0.25, tiled: false, photo: 'https://example.com/a.png' };
    expect(deployment.values).toEqual({ ...expected, luck: 42 });
    expect(bound.inputs).toEqual({ ...expected, luck: 42 });
    expect(bound.changes.map(({ why }) => why).join('; ')).not.toContain('left out');
  });

  it('is the address of a file that came with the request', () => {
    const { deployment, bound } = send(versionOf({ discover: 'marked' }), { photo: PNG });
    expect(deployment.files).toEqual([{ inputId: 'photo', mediaId: MEDIA_ID }]);
    expect(deployment.values).not.toHaveProperty('photo');
    expect(bound.inputs).toMatchObject({ photo: MEDIA_ID });
  });

  it('is not what goes elsewhere: given it is refused, as a default it is left out and named', () => {
    const version = versionOf({
      inputs: [
        { name: 'scene' },
        { name: 'steps', target: '3.steps', default: 30 },
        { name: 'seed', target: '3.seed' },
      ],
    });
    for (const [name, value] of Object.entries({ steps: 9, seed: 7 })) {
      expect(refusals(version, { [name]: value })).toMatchObject([
        { input: name, pointer: `#/inputs/${name}`, detail: expect.stringContaining(`3.${name} is at none`) },
      ]);
    }
    expect(refusals(version, { seed: 'random' })).toHaveLength(1);
    expect(refusals(version, { scene: 'a fox' })).toEqual([]);
    const { deployment, bound } = send(version);
    expect(deployment.values).toEqual({ scene: 'a cat' });
    expect(bound.inputs).toEqual({ scene: 'a cat' });
    const { steps, seed } = version.graph['3']!.inputs;
    expect(bound.changes.filter(({ node: id }) => id === '3')).toEqual([
      expect.objectContaining({ input: 'steps', from: steps, to: steps, why: expect.stringContaining('left out') }),
      expect.objectContaining({ input: 'seed', from: seed, to: seed, why: expect.stringContaining('left out') }),
    ]);
  });

  it('holds no LoRA, which would be lost: refused, or text as the manifest says', () => {
    const inputs = [{ name: 'scene', role: 'prompt' }];
    const given = { scene: 'a fox <lora:ink:0.8>' };
    expect(refusals(versionOf({ inputs }), given)).toMatchObject([
      { input: 'scene', detail: expect.stringContaining('names a LoRA') },
    ]);
    const asText = versionOf({ inputs, loras: false });
    expect(refusals(asText, given)).toEqual([]);
    expect(send(asText, given).deployment.values).toEqual(given);
  });

  it('is one value for nodes of one input_id', () => {
    const graph = markedGraph({ '30': node('Text', { input_id: 'scene', default_value: 'a dog' }) });
    const apart = versionOf({ discover: 'marked' }, graph);
    const second = apart.interface.inputs.find(({ targets }) => targets[0]?.node === '30')!.name;
    expect(refusals(apart, { photo: PNG, [second]: 'a hare' })).toMatchObject([
      { input: second, detail: expect.stringContaining('same input_id "scene"') },
    ]);
    const { bound } = send(apart, { photo: PNG });
    expect(bound.inputs).not.toHaveProperty(second);
    const together = versionOf({ inputs: [{ name: 'scene', target: ['20.input_id', '30.input_id'] }] }, graph);
    expect(refusals(together, { scene: 'a hare' })).toEqual([]);
    expect(send(together, { scene: 'a hare' }).deployment.values).toEqual({ scene: 'a hare' });
  });
});
