import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type JsonObject, parseLossless, parsePythonJson, stringifyLossless } from '../../src/core/json.js';
import { type NodeDefinitions, parseWorkflowText, validateGraph } from '../../src/graph/index.js';
import { bindInputs, checkInputs } from '../../src/workflows/bind/bind.js';
import { buildVersion, draftManifest, parseManifest } from '../../src/workflows/index.js';
import { sharedPath } from '../helpers/shared.js';

/** Real workflow files, each as somebody would add it: found, drafted, read again, and bound with nothing but files. */
const folder = sharedPath('data/workflow-pairs');
const definitionsFile = sharedPath('data/object-info/0.8.0.json');
const MEDIA_ID = '0198c5a0-0000-7000-8000-000000000001';

describe.skipIf(folder === null || definitionsFile === null)('real workflow files', () => {
  const definitions = parsePythonJson(
    definitionsFile === null ? '{}' : readFileSync(definitionsFile, 'utf8'),
  ) as NodeDefinitions;
  const names = folder === null ? [] : readdirSync(folder).filter((name) => name.endsWith('.json'));

  it.each(names)('%s becomes a version, and its draft gives the same', (name) => {
    const pair = parseLossless(readFileSync(join(folder ?? '', name), 'utf8')) as JsonObject;
    const file = parseWorkflowText(stringifyLossless(pair['workflow'] ?? pair));
    const first = buildVersion({ file, manifest: {}, definitions });
    expect(first.interface.outputs.length).toBeGreaterThan(0);
    const draft = parseLossless(stringifyLossless(draftManifest('x', first.interface))) as JsonObject;
    const again = buildVersion({ file, manifest: parseManifest(draft), definitions });
    const plain = (built: typeof first) => built.interface.inputs.map((input) => ({ ...input, source: null }));
    expect(plain(again)).toEqual(plain(first));

    const version = { workflow: 'x', hash: first.hash, graph: first.graph, interface: first.interface };
    const files = first.interface.inputs.filter(({ type }) => type === 'file');
    const given = checkInputs(version, Object.fromEntries(files.map((input) => [input.name, MEDIA_ID])));
    const bound = bindInputs(version, given, {
      randomSeed: () => 7n,
      random: () => 0,
      now: new Date(0),
      nextSeeds: new Map(),
      mediaIds: new Map(),
      definitions,
    });
    validateGraph(bound.graph);
    // But for seeds, files and what a text draws, a request without values runs what the file says.
    for (const { why } of bound.changes) expect(why).toMatch(/drawn|uploaded/);
  });
});
