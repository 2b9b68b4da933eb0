import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type JsonObject, parseLossless, parsePythonJson } from '../../src/core/json.js';
import {
  convertUiToApi,
  DefinitionIndex,
  type Graph,
  type NodeDefinitions,
  validateGraph,
} from '../../src/graph/index.js';
import { differences, equalUpToIds } from '../helpers/compare-graphs.js';
import { expectGenerated } from '../helpers/generated.js';
import { sharedPath } from '../helpers/shared.js';
import { type JudgeResults, renderJudge } from '../judge/results.js';

/**
 * Real workflow files against the graph that the official front end made of them (both are embedded in the same picture).
 * A conversion agrees when it is equal as a set of nodes with class and inputs, up to exceptions that are proved one by
 * one below. `docs/conversion.md` lists them: `EASEL_UPDATE_DOCS=1 npx vitest run test/conformance/conversion.test.ts`.
 */
const pairsFolder = sharedPath('data/workflow-pairs');
/** Written by `npm run judge:conversion`, which needs packages of others and a browser. */
const judgeResults = JSON.parse(
  readFileSync(new URL('../judge/results.json', import.meta.url), 'utf8'),
) as JudgeResults;
const definitionsFile = sharedPath('data/object-info/0.8.0.json');

type ExceptionKind = 'button' | 'later' | 'ids';

interface Exception {
  readonly kind: ExceptionKind;
  readonly text: string;
}

interface Result {
  readonly name: string;
  readonly nodes: number;
  readonly exceptions: readonly Exception[];
  /** What no exception explains. */
  readonly faults: readonly string[];
}

const REASONS: Readonly<Record<ExceptionKind, string>> = {
  button:
    'The front end of that time put the value of its upload button into the graph. No node takes it, and later front ends leave it out.',
  later:
    'The node has gained a widget since the file was saved. The graph of that time could not hold it; ours holds the default of the definition.',
  ids: 'The front end of that time gave the nodes inside a group node new numbers of its own. Ours are `<group node>:<index>`, as later front ends number them; but for the ids the graphs are equal.',
};

describe.skipIf(pairsFolder === null || definitionsFile === null)('workflow files with their official graph', () => {
  const text = definitionsFile === null ? '{}' : readFileSync(definitionsFile, 'utf8');
  const definitions = parsePythonJson(text) as NodeDefinitions;
  const index = new DefinitionIndex(definitions);
  const files = pairsFolder === null ? [] : readdirSync(pairsFolder).filter((file) => file.endsWith('.json'));
  const results = files.sort().map((file) => compare(join(pairsFolder ?? '', file)));

  function compare(path: string): Result {
    const pair = parseLossless(readFileSync(path, 'utf8')) as {
      name: string;
      workflow: JsonObject;
      prompt: JsonObject;
    };
    const official = validateGraph(pair.prompt);
    // No file of the collection has a dynamic prompt, so chance must not be asked.
    const random = () => expect.fail(`${pair.name} asks for a random choice`);
    const { graph } = convertUiToApi(pair.workflow, definitions, { random });
    const exceptions: Exception[] = [...takeButtons(official), ...takeLaterWidgets(graph, official)];
    let faults = differences(graph, official);
    if (faults.length > 0 && equalUpToIds(graph, official)) {
      faults = [];
      exceptions.push({ kind: 'ids', text: 'ids inside a group node' });
    }
    return { name: pair.name, nodes: Object.keys(official).length, exceptions, faults };
  }

  /** Removes inputs that are no input of the node at all. */
  function takeButtons(official: Graph): Exception[] {
    return Object.entries(official).flatMap(([id, node]) =>
      Object.entries(node.inputs).flatMap(([input, value]) => {
        if (index.input(node.class_type, input) !== undefined || value !== 'image') return [];
        delete node.inputs[input];
        return [{ kind: 'button' as const, text: `${id} ${node.class_type} \`${input}\`` }];
      }),
    );
  }

  /** Removes what only ours has, if it is the default of a widget. */
  function takeLaterWidgets(graph: Graph, official: Graph): Exception[] {
    return Object.entries(graph).flatMap(([id, node]) =>
      Object.entries(node.inputs).flatMap(([input, value]) => {
        const before = official[id]?.inputs;
        const declared = index.input(node.class_type, input);
        if (before === undefined || Object.hasOwn(before, input) || declared === undefined) return [];
        if (value !== (declared.options['default'] ?? declared.choices?.[0])) return [];
        delete node.inputs[input];
        return [{ kind: 'later' as const, text: `${id} ${node.class_type} \`${input}\`` }];
      }),
    );
  }

  it.each(results)('$name agrees', ({ faults }) => {
    expect(faults).toEqual([]);
  });

  it('are listed in docs/conversion.md with the reason of each exception', () => {
    expectGenerated('docs/conversion.md', render(results));
  });
});

function render(results: readonly Result[]): string {
  const agreeing = results.filter(({ faults }) => faults.length === 0);
  const identical = agreeing.filter(({ exceptions }) => exceptions.length === 0);
  const all = results.flatMap(({ exceptions }) => exceptions);
  const count = (kind: ExceptionKind) => all.filter((exception) => exception.kind === kind).length;
  const kinds = (Object.keys(REASONS) as ExceptionKind[]).map(
    (kind) => `| ${kind} | ${count(kind)} | ${REASONS[kind]} |`,
  );
  const rows = results.map(({ name, nodes, exceptions, faults }) => {
    const verdict = faults.length > 0 ? 'DIFFERS' : exceptions.length === 0 ? 'equal' : 'equal but for';
    const reasons = [...faults, ...exceptions.map(({ kind, text }) => `${kind}: ${text}`)].join('; ');
    return `| ${name} | ${nodes} | ${verdict} | ${reasons} |`;
  });
  return [
    '# Conversion of UI workflows',
    '',
    'Generated by `test/conformance/conversion.test.ts`, which fails when this file is out of date; write it anew with',
    '`EASEL_UPDATE_DOCS=1 npx vitest run test/conformance/conversion.test.ts`.',
    '',
    'Each file holds a workflow in UI format and the graph that the official front end made of it when it was run. Ours is made',
    'from the same workflow with the node definitions of ComfyUI 0.8.0 and compared as a set of nodes with class and inputs.',
    '',
    `**${agreeing.length} of ${results.length} agree: ${identical.length} are equal, ${agreeing.length - identical.length} are equal but for the exceptions below.**`,
    '',
    '| exception | count | why |',
    '|---|---|---|',
    ...kinds,
    '',
    '| file | nodes | result | exceptions |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...renderJudge(judgeResults),
  ].join('\n');
}
