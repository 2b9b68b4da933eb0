import { EaselError } from '../../src/core/errors.js';
import { type JsonObject, type JsonValue, parseLossless, stringifyLossless } from '../../src/core/json.js';
import {
  type Conversion,
  convertUiToApi,
  DefinitionIndex,
  type Graph,
  isLink,
  type NodeDefinitions,
} from '../../src/graph/index.js';
import { differences, equalUpToIds } from '../helpers/compare-graphs.js';
import { allNodes, objects } from './evidence.js';
import type { Judged } from './results.js';
import type { JudgeDefinitions } from './stand-ins.js';

export interface Template {
  readonly name: string;
  readonly text: string;
  readonly workflow: JsonObject;
}

/** What the official front end makes of a workflow; throws when it fails. */
export type Official = (workflowJson: string) => Promise<string>;

/** Chance always takes the first alternative, on both sides. */
const FIRST = { random: () => 0 };

/** `converted`, the code of the refusal, or `threw`. */
export function outcome(workflow: JsonObject, definitions: NodeDefinitions): string {
  try {
    convertUiToApi(workflow, definitions, FIRST);
    return 'converted';
  } catch (error) {
    return error instanceof EaselError ? error.code : 'threw';
  }
}

export class Judge {
  readonly #definitions: NodeDefinitions;
  readonly #index: DefinitionIndex;
  readonly #standIns: ReadonlySet<string>;
  readonly #official: Official;

  constructor({ definitions, standIns }: JudgeDefinitions, official: Official) {
    this.#definitions = definitions;
    this.#index = new DefinitionIndex(definitions);
    this.#standIns = standIns;
    this.#official = official;
  }

  async judge({ name, text, workflow }: Template): Promise<Judged> {
    const nodes = allNodes(workflow);
    const isMadeUp = nodes.some(({ type }) => this.#standIns.has(String(type)));
    const about = { name, definitions: isMadeUp ? 'stand-in' : 'recorded' } as const;
    const unjudged = (reason: string, ...lines: string[]): Judged => {
      return { ...about, verdict: 'not-judged', reasons: [reason], differences: lines };
    };
    if (nodes.some((node) => this.#isYounger(node))) return unjudged('older');
    let ours: Conversion;
    try {
      ours = convertUiToApi(workflow, this.#definitions, FIRST);
    } catch (error) {
      if (!(error instanceof EaselError)) throw error;
      if (error.code === 'backend_node_missing') return unjudged('no stand-in');
      if (error.message.includes('is recorded in the ComfyUI window')) return unjudged('capture');
      if (this.#isOfStandIns(error)) return unjudged('no stand-in', error.message);
      return { ...about, verdict: 'differs', reasons: [], differences: [`refused: ${error.message}`] };
    }
    let official: Graph;
    try {
      official = JSON.parse(await this.#official(text)) as Graph;
    } catch (error) {
      return unjudged('front end', (error as Error).message);
    }
    return { ...about, ...this.#compare(ours, official) };
  }

  /** Refused for nothing but values that a stand-in has no place for. */
  #isOfStandIns({ details }: EaselError): boolean {
    const problems = objects(details?.['problems'] as JsonValue | undefined);
    return problems.length > 0 && problems.every(({ classType }) => this.#standIns.has(String(classType)));
  }

  /** The file names values that the recorded definition has no place for. */
  #isYounger(node: JsonObject): boolean {
    const type = String(node['type']);
    if (this.#standIns.has(type) || this.#index.get(type) === undefined) return false;
    const named = node['widgets_values_named'];
    const widgets = objects(node['inputs']).filter(({ widget }) => widget !== undefined);
    const names = [...Object.keys(named ?? {}), ...widgets.map((input) => String(input['name']))];
    return names.some((name) => name.includes('.') && this.#index.input(type, name) === undefined);
  }

  #compare({ graph, warnings }: Conversion, official: Graph): Pick<Judged, 'verdict' | 'reasons' | 'differences'> {
    // Numbers as the browser has them.
    const ours = JSON.parse(stringifyLossless(graph)) as Graph;
    const reasons = new Set<string>();
    if (this.#takeViewers(official, ours)) reasons.add('viewer');
    const muted = warnings.filter(({ code }) => code === 'nested_mode').map(({ nodeId }) => `${nodeId}:`);
    if (muted.length > 0 && takeInside(official, muted)) reasons.add('nested');
    let lines = differences(ours, official);
    if (lines.length > 0 && equalUpToIds(ours, official)) {
      reasons.add('ids');
      lines = [];
    }
    const verdict = lines.length > 0 ? 'differs' : reasons.size > 0 ? 'equal-but' : 'equal';
    return { verdict, reasons: [...reasons], differences: lines };
  }

  /** Removes inputs that ours lack because the node does not declare them at all. */
  #takeViewers(official: Graph, ours: Graph): boolean {
    let isAny = false;
    for (const [id, { class_type, inputs }] of Object.entries(official)) {
      for (const [input, value] of Object.entries(inputs)) {
        if (isLink(value) || input.includes('.') || this.#index.input(class_type, input) !== undefined) continue;
        if (Object.hasOwn(ours[id]?.inputs ?? {}, input)) continue;
        delete inputs[input];
        isAny = true;
      }
    }
    return isAny;
  }
}

/** Removes the nodes inside of these instances, and the links to them. */
function takeInside(graph: Graph, prefixes: readonly string[]): boolean {
  const isInside = (id: string) => prefixes.some((prefix) => id.startsWith(prefix));
  const inside = Object.keys(graph).filter(isInside);
  for (const id of inside) delete graph[id];
  for (const { inputs } of Object.values(graph)) {
    for (const [input, value] of Object.entries(inputs)) {
      if (isLink(value) && isInside(value[0])) delete inputs[input];
    }
  }
  return inside.length > 0;
}

export function readTemplate(name: string, text: string): Template | null {
  const workflow = parseLossless(text) as JsonObject;
  return Array.isArray(workflow['nodes']) ? { name, text, workflow } : null;
}
