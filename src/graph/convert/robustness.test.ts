import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CORE_NODES } from '../../../test/helpers/node-definitions.js';
import { textToImage, UiBuilder } from '../../../test/helpers/ui-workflow.js';
import { EaselError } from '../../core/errors.js';
import { isJsonObject, type JsonObject, type JsonValue, parseLossless, stringifyLossless } from '../../core/json.js';
import { validateGraph } from '../validate.js';
import { convertUiToApi } from './index.js';

/** Everything that the format knows in one file, so that random damage can hit all of it. */
const inner = new UiBuilder()
  .node(11, 'CLIPTextEncode', {
    inputs: ['clip:CLIP'],
    widgets: ['text:STRING'],
    outputs: ['C:CONDITIONING'],
    values: ['{a|b}'],
  })
  .connect(-10, 0, 11, 'clip')
  .connect(-10, 1, 11, 'text')
  .connect(11, 0, -20, 0)
  .subgraph('sub', 'Encode', ['clip:CLIP', 'text:STRING'], ['C:CONDITIONING']);
const file = textToImage()
  .node(2, 'sub', {
    inputs: ['clip:CLIP'],
    widgets: ['text:STRING'],
    outputs: ['C:CONDITIONING'],
    values: ['outer'],
    properties: { proxyWidgets: [['-1', 'text']] },
  })
  .node(20, 'Reroute', { inputs: [':*'], outputs: [':MODEL'] })
  .node(21, 'PrimitiveNode', { outputs: ['INT:INT'], values: [30, 'fixed'] })
  .node(22, 'LoraLoader', {
    inputs: ['model:MODEL', 'clip:CLIP'],
    outputs: ['MODEL:MODEL', 'CLIP:CLIP'],
    values: ['style.safetensors', 1, 1],
    mode: 4,
  })
  .node(23, 'workflow>Pair', { inputs: ['image:IMAGE'], values: ['x', 5] })
  .node(24, 'ResizePicture', {
    inputs: ['image:IMAGE'],
    outputs: ['IMAGE:IMAGE'],
    values: ['size', 1, 2, 'no', 'area'],
  })
  .connect(1, 1, 2, 'clip')
  .connect(2, 0, 5, 'positive')
  .connect(1, 0, 20, 0)
  .connect(20, 0, 22, 'model')
  .connect(22, 0, 5, 'model')
  .connect(21, 0, 5, 'steps')
  .connect(6, 0, 24, 'image')
  .connect(24, 0, 23, 0)
  .build({
    definitions: { subgraphs: [inner] },
    extra: {
      groupNodes: {
        Pair: {
          nodes: [
            { type: 'SaveImage', inputs: [{ name: 'images', type: 'IMAGE' }], widgets_values: ['y'] },
            { type: 'PrimitiveInt', outputs: [{ name: 'INT', type: 'INT' }], widgets_values: [1, 'fixed'] },
          ],
          links: [],
          external: [],
          config: {},
        },
      },
    },
  });
const text = stringifyLossless(file);

/** All places of a JSON value that can be replaced: holder and key. */
function places(value: JsonValue): { holder: JsonObject | JsonValue[]; key: string }[] {
  if (!Array.isArray(value) && !isJsonObject(value)) return [];
  const holder = value;
  return Object.entries(holder).flatMap(([key, child]) => [{ holder, key }, ...places(child as JsonValue)]);
}

const junk: JsonValue[] = [
  null,
  true,
  -1,
  0,
  3.5,
  2 ** 70,
  '',
  'x',
  '-10',
  '-20',
  '1',
  '__proto__',
  'constructor',
  'sub',
  'Reroute',
  [],
  {},
  [[]],
  { '0': 1 },
];

it('is converted as it is', () => {
  expect(Object.keys(convertUiToApi(file, CORE_NODES).graph)).toEqual(
    expect.arrayContaining(['2:11', '5', '23:0', '23:1', '24']),
  );
});

it('damaged anywhere, gives a sound graph or one of our errors', () => {
  const change = fc.tuple(fc.nat(100_000), fc.constantFrom(...junk), fc.boolean());
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      const damaged = parseLossless(text) as JsonObject;
      for (const [at, value, remove] of changes) {
        const all = places(damaged);
        const { holder, key } = all[at % all.length] ?? { holder: damaged, key: 'nodes' };
        const target = holder as JsonObject;
        if (remove && Array.isArray(holder)) holder.splice(Number(key), 1);
        else if (remove) delete target[key];
        else target[key] = structuredClone(value);
      }
      try {
        validateGraph(convertUiToApi(damaged, CORE_NODES).graph);
      } catch (error) {
        if (!(error instanceof EaselError)) throw error;
        expect(['graph_invalid', 'graph_unconvertible', 'backend_node_missing']).toContain(error.code);
      }
    }),
    { numRuns: 500 },
  );
});
