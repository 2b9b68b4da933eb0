import type { Backend } from '../../backends/index.js';
import { EaselError } from '../../core/errors.js';
import { isJsonObject, type JsonValue } from '../../core/json.js';
import {
  DefinitionIndex,
  type DetectedInput,
  detectInputs,
  fingerprint,
  type Graph,
  type LoadedModel,
  type Missing,
  type NodeDefinitions,
  outputNodes,
} from '../../graph/index.js';
import { certainlyMissing } from '../availability.js';
import { graphOf } from '../definitions.js';
import type { WorkflowSource } from '../source.js';

/** What a workflow needs, takes and makes, seen from one backend. `easel inspect --json` prints it. */
export interface InspectReport {
  readonly file: string;
  readonly format: 'ui' | 'api';
  readonly backend: { readonly id: string; readonly kind: string; readonly version: string | null };
  readonly nodes: { readonly count: number; readonly classes: Readonly<Record<string, number>> };
  readonly models: readonly LoadedModel[];
  readonly inputs: readonly InspectedInput[];
  readonly outputs: readonly { readonly nodeId: string; readonly classType: string; readonly title: string | null }[];
  readonly missing: {
    readonly classes: Missing['classes'];
    readonly models: Missing['choices'];
    readonly inputs: Missing['requiredInputs'];
  };
  readonly warnings: readonly string[];
}

export interface InspectedInput extends Omit<DetectedInput, 'nodeId' | 'input' | 'targets'> {
  /** For `--set`: `3.seed`. */
  readonly address: string;
  /** All inputs that take the value; the first is `address`. */
  readonly addresses: readonly string[];
  readonly node: string;
}

export function inspectWorkflow(
  source: WorkflowSource,
  backend: Pick<Backend, 'id' | 'kind'>,
  capabilities: { readonly version: string | null; readonly nodeDefinitions: NodeDefinitions },
): InspectReport {
  const definitions = capabilities.nodeDefinitions;
  const head = {
    file: source.label,
    format: source.format,
    backend: { id: backend.id, kind: backend.kind, version: capabilities.version },
  };
  let converted: ReturnType<typeof graphOf>;
  try {
    converted = graphOf(source, definitions);
  } catch (thrown) {
    const classes = missingClassesOf(thrown);
    if (classes === null) throw thrown;
    // Without those definitions the workflow cannot be converted, so this is all that can be told.
    return {
      ...head,
      nodes: countClasses(storedClasses(source)),
      models: [],
      inputs: [],
      outputs: [],
      missing: { classes, models: [], inputs: [] },
      warnings: ['Inputs, models and outputs cannot be told before the missing nodes are there.'],
    };
  }
  const { graph, warnings } = converted;
  const { classes, choices, requiredInputs } = certainlyMissing(graph, definitions);
  return {
    ...head,
    nodes: countClasses(Object.values(graph).map((node) => node.class_type)),
    models: fingerprint(graph, definitions).models,
    inputs: detectInputs(graph, definitions).map((input) => describeInput(input, graph)),
    outputs: outputNodes(graph, new DefinitionIndex(definitions)).map((nodeId) => ({
      nodeId,
      classType: graph[nodeId]?.class_type ?? '',
      title: graph[nodeId]?._meta?.title ?? null,
    })),
    missing: { classes, models: choices, inputs: requiredInputs },
    warnings,
  };
}

function describeInput({ nodeId, input, targets, ...rest }: DetectedInput, graph: Graph): InspectedInput {
  const node = graph[nodeId];
  const { min, max } = rest;
  return {
    ...rest,
    ...(min === undefined ? {} : { min: exactLimit(min) }),
    ...(max === undefined ? {} : { max: exactLimit(max) }),
    address: `${nodeId}.${input}`,
    addresses: targets.map((target) => `${target.node}.${target.input}`),
    node: node?._meta?.title ?? node?.class_type ?? '',
  };
}

/** Definitions are read with doubles, which make 2^64 of the limit 2^64-1. */
function exactLimit(limit: number | bigint): number | bigint {
  if (typeof limit === 'bigint' || Number.isSafeInteger(limit) || !Number.isInteger(limit)) return limit;
  const exact = BigInt(limit);
  return exact > 0n && (exact & (exact - 1n)) === 0n ? exact - 1n : exact;
}

function countClasses(names: readonly string[]): InspectReport['nodes'] {
  const classes: Record<string, number> = {};
  for (const name of names) classes[name] = (classes[name] ?? 0) + 1;
  return { count: names.length, classes };
}

function storedClasses({ workflow }: WorkflowSource): string[] {
  const nodes: JsonValue | undefined = workflow?.['nodes'];
  if (!Array.isArray(nodes)) return [];
  return nodes.flatMap((node) => (isJsonObject(node) && typeof node['type'] === 'string' ? [node['type']] : []));
}

function missingClassesOf(thrown: unknown): Missing['classes'] | null {
  if (!(thrown instanceof EaselError) || thrown.code !== 'backend_node_missing') return null;
  const classes = thrown.details?.['classes'];
  return Array.isArray(classes) ? (classes as unknown as Missing['classes']) : null;
}
