import { WorkflowError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import { definedOnly } from '../core/objects.js';
import {
  type ConversionWarning,
  convertUiToApi,
  DefinitionIndex,
  type DetectedInput,
  fingerprint,
  type Graph,
  type LoadedWorkflow,
  type NodeDefinitions,
  type UiWorkflow,
  validateGraph,
} from '../graph/index.js';
import { packOf } from './availability.js';
import { contentHash } from './hash.js';
import { workflowInputs } from './inputs.js';
import { type Fault, type Manifest, manifestInvalid, pointerOf } from './manifest.js';
import { normalType } from './names.js';
import { type Notes, notesOf } from './notes.js';
import { nodeNamed, workflowOutputs } from './outputs.js';
import type { LoraRule, Target, WorkflowInterface, WorkflowRequirements } from './types.js';

/** From a file and its manifest to what a version holds. */
export interface BuiltVersion {
  /** SHA-256 of graph and interface. */
  readonly hash: string;
  readonly graph: Graph;
  readonly uiWorkflow: UiWorkflow | null;
  readonly interface: WorkflowInterface;
  readonly warnings: readonly ConversionWarning[];
  /** Inputs that were found and are not offered. */
  readonly left: readonly DetectedInput[];
}

export interface BuildRequest {
  readonly file: LoadedWorkflow;
  readonly manifest: Manifest;
  /** Needed for a file in UI format; for a graph they give types, limits and choices. */
  readonly definitions?: NodeDefinitions;
}

/**
 * Throws GraphError (conversion), WorkflowError `workflow_manifest_invalid` that lists every field which does not fit the
 * graph.
 */
export function buildVersion({ file, manifest, definitions }: BuildRequest): BuiltVersion {
  const { graph, dynamicTexts, warnings } = readGraph(file, definitions);
  const index = definitions === undefined ? undefined : new DefinitionIndex(definitions);
  const notes = notesOf(file.workflow ?? null);
  const found = workflowInputs({ graph, manifest, notes, definitions, index });
  const { outputs, faults: outputFaults } = workflowOutputs(graph, manifest, index);
  const { loras, faults: loraFaults } = loraRule(graph, manifest);
  const faults = [...found.faults, ...outputFaults, ...loraFaults];
  if (faults.length > 0) throw manifestInvalid('The manifest does not fit the workflow', faults);
  const described: WorkflowInterface = {
    ...describe(manifest, notes),
    inputs: found.inputs,
    outputs,
    loras,
    dynamicTexts,
    requires: requirements(graph, manifest, definitions),
    limits: definedOnly(manifest.limits ?? {}),
  };
  const hash = contentHash({ graph, interface: described });
  return { hash, graph, uiWorkflow: file.workflow ?? null, interface: described, warnings, left: found.left };
}

function describe(
  manifest: Manifest,
  notes: Notes,
): Pick<WorkflowInterface, 'title' | 'description' | 'type' | 'aliases'> {
  return {
    title: manifest.title ?? null,
    description: manifest.description ?? notes.description,
    type: manifest.type === undefined ? null : normalType(manifest.type),
    aliases: [...new Set((manifest.aliases ?? []).map((alias) => alias.normalize('NFC')))].sort(),
  };
}

/** Draws and dates are left to each run; what the window would make of them once is of no use to the second. */
const STEADY = { random: () => 0, now: () => new Date(0) };

function readGraph(
  file: LoadedWorkflow,
  definitions: NodeDefinitions | undefined,
): { readonly graph: Graph; readonly dynamicTexts: Target[]; readonly warnings: readonly ConversionWarning[] } {
  if (file.graph !== undefined) return { graph: validateGraph(file.graph), dynamicTexts: [], warnings: [] };
  if (file.workflow === undefined) throw new TypeError('A workflow file holds a graph or a workflow.');
  if (definitions === undefined) {
    throw new WorkflowError('graph_unconvertible', 'A workflow in UI format needs node definitions to be converted.', {
      hint: 'Have a backend running, or export the workflow in API format.',
    });
  }
  const { graph, warnings } = convertUiToApi(file.workflow, definitions, { ...STEADY, keepDynamic: true });
  return {
    graph,
    dynamicTexts: dynamicTextsOf(graph, convertUiToApi(file.workflow, definitions, STEADY).graph),
    warnings,
  };
}

/** Where a conversion that draws and fills gives another text than one that does not. */
function dynamicTextsOf(kept: Graph, rendered: Graph): Target[] {
  return Object.entries(kept).flatMap(([node, { inputs }]) =>
    Object.entries(inputs)
      .filter(([input, value]) => typeof value === 'string' && rendered[node]?.inputs[input] !== value)
      .map(([input]) => ({ node, input })),
  );
}

const DEFAULT_MAX_LORAS = 8;

function loraRule(
  graph: Graph,
  { loras = true }: Manifest,
): { readonly loras: LoraRule | null; readonly faults: readonly Fault[] } {
  if (loras === false) return { loras: null, faults: [] };
  if (loras === true) return { loras: { max: DEFAULT_MAX_LORAS }, faults: [] };
  const faults: Fault[] = [];
  const nodes = (field: 'model' | 'clip'): string[] | undefined => {
    const given = loras[field];
    if (given === undefined) return undefined;
    return [given].flat().flatMap((name) => {
      const id = nodeNamed(graph, name);
      if (typeof id === 'string') return [id];
      faults.push({ pointer: pointerOf(['loras', field]), detail: id.fault });
      return [];
    });
  };
  const rule = { ...definedOnly({ model: nodes('model'), clip: nodes('clip') }), max: loras.max ?? DEFAULT_MAX_LORAS };
  return { loras: rule, faults };
}

function requirements(
  graph: Graph,
  { requires = {} }: Manifest,
  definitions: NodeDefinitions | undefined,
): WorkflowRequirements {
  const { models, classes } = fingerprint(graph, definitions);
  const needed = [...new Set([...classes, ...(requires.nodes ?? [])])].sort();
  const packs = needed.flatMap((name) => {
    const isKnown = definitions !== undefined && Object.hasOwn(definitions, name);
    return (isKnown ? packOf(definitions[name]?.python_module) : null) ?? [];
  });
  return {
    models: [...new Set([...models.map(({ folder, name }) => `${folder}/${name}`), ...(requires.models ?? [])])].sort(),
    classes: needed,
    packs: [...new Set([...packs, ...(requires.packs ?? [])])].sort(),
    ...(requires.tags === undefined ? {} : { tags: [...new Set(requires.tags)].sort() }),
    ...(requires.vramBytes === undefined ? {} : { vramBytes: requires.vramBytes }),
  };
}

/** Of what was given, before anything is converted: the same file and manifest need not be looked at twice. */
export function sourceHash(file: LoadedWorkflow, manifest: JsonValue): string {
  return contentHash({ graph: file.graph ?? null, workflow: file.workflow ?? null, manifest });
}
