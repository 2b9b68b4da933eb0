import { EaselError } from '../core/errors.js';
import { isJsonObject, type JsonValue } from '../core/json.js';
import { autogrowTemplate, DefinitionIndex, dynamicOptions, type InputDefinition, isUpload } from './definitions.js';
import { modelFolder } from './fingerprint.js';
import { nearestNames } from './nearest.js';
import { reachableNodes } from './topology.js';
import { type Graph, type GraphNode, isLink, type NodeDefinitions } from './types.js';
import { graphNodeLabel } from './validate.js';

/**
 * What a backend lacks for a graph, seen from its node definitions before anything is sent. A server checks classes of
 * all nodes, everything else only of nodes that feed an output (`comfyui.md` 1.3), and so does this.
 */
export interface Missing {
  readonly classes: readonly MissingClass[];
  /** Values of combos that the backend does not offer. */
  readonly choices: readonly MissingChoice[];
  readonly requiredInputs: readonly MissingInput[];
}

export interface MissingClass {
  readonly classType: string;
  readonly nodes: readonly { readonly id: string; readonly title: string | null }[];
  readonly nearest: readonly string[];
}

export interface MissingInput {
  readonly nodeId: string;
  readonly classType: string;
  readonly title: string | null;
  readonly input: string;
}

export interface MissingChoice extends MissingInput {
  readonly value: string;
  /** For model files: the folder key (`checkpoints`, `loras`, …); null for other choices. */
  readonly folder: string | null;
  readonly nearest: readonly string[];
}

export function findMissing(graph: Graph, definitions: NodeDefinitions): Missing {
  const index = new DefinitionIndex(definitions);
  const used = reachableNodes(graph, index);
  const classes = new Map<string, { id: string; title: string | null }[]>();
  const choices: MissingChoice[] = [];
  const requiredInputs: MissingInput[] = [];
  for (const [id, node] of Object.entries(graph)) {
    const definition = index.get(node.class_type);
    if (definition === undefined) {
      const nodes = classes.get(node.class_type) ?? [];
      nodes.push({ id, title: titleOf(node) });
      classes.set(node.class_type, nodes);
      continue;
    }
    if (!used.has(id)) continue;
    for (const input of presentInputs(node, index.inputs(definition))) {
      const at = { nodeId: id, classType: node.class_type, title: titleOf(node), input: input.name };
      if (isAbsent(node, input)) requiredInputs.push(at);
      const value = unofferedChoice(node.inputs[input.name], input);
      if (value === undefined) continue;
      const nearest = nearestNames(value, (input.choices ?? []).map(String));
      choices.push({ ...at, value, folder: modelFolder(node.class_type, input.name) ?? null, nearest });
    }
  }
  const names = index.classNames();
  return {
    classes: [...classes].map(([classType, nodes]) => ({ classType, nodes, nearest: nearestNames(classType, names) })),
    choices,
    requiredInputs,
  };
}

/**
 * Throws EaselError `backend_node_missing` or `backend_model_missing` when the backend cannot run the graph, naming all
 * that is missing of that kind. Unconnected inputs are left to the backend, which may know better.
 */
export function requireAvailable(graph: Graph, definitions: NodeDefinitions): void {
  const missing = findMissing(graph, definitions);
  if (missing.classes.length > 0) {
    const parts = missing.classes.map(
      ({ classType, nodes }) => `${classType} (node ${nodes.map(({ id }) => id).join(', ')})`,
    );
    throw new EaselError('backend_node_missing', `The backend lacks node classes of the graph: ${parts.join('; ')}.`, {
      details: { classes: missing.classes },
    });
  }
  const models = missing.choices.filter(({ folder }) => folder !== null);
  const first = models[0];
  if (first === undefined) return;
  const parts = models.map(({ nodeId, input, value, folder }) => {
    return `${folder}/${value} (input "${input}" of ${graphNodeLabel(nodeId, graph[nodeId]!)})`;
  });
  const near = first.nearest.length === 0 ? {} : { hint: `It has ${first.nearest.join(', ')}.` };
  throw new EaselError('backend_model_missing', `The backend lacks models of the graph: ${parts.join('; ')}.`, {
    ...near,
    details: { models },
  });
}

/** The inputs that the node has to fill: those of the chosen options of dynamic combos included. */
function presentInputs(node: GraphNode, declared: readonly InputDefinition[]): InputDefinition[] {
  const present: InputDefinition[] = [];
  const waiting = [...declared].reverse();
  for (let input = waiting.pop(); input !== undefined; input = waiting.pop()) {
    present.push(input);
    const chosen = node.inputs[input.name];
    const option = dynamicOptions(input).find(({ key }) => key === chosen);
    waiting.push(...[...(option?.inputs ?? [])].reverse());
  }
  return present;
}

function isAbsent(node: GraphNode, input: InputDefinition): boolean {
  if (!input.required || Object.hasOwn(node.inputs, input.name)) return false;
  // Its repetitions have names of their own; whether enough of them are there, the backend says.
  if (autogrowTemplate(input) !== null)
    return !Object.keys(node.inputs).some((name) => name.startsWith(`${input.name}.`));
  return input.type !== 'COMFY_DYNAMICSLOT_V3';
}

function unofferedChoice(value: JsonValue | undefined, input: InputDefinition): string | undefined {
  if (value === undefined || isLink(value) || isUpload(input)) return undefined;
  const offered = input.type === 'COMBO' ? input.choices : dynamicKeys(input);
  if (offered === undefined) return undefined;
  const literal = isJsonObject(value) ? value['__value__'] : value;
  const values = Array.isArray(literal) ? literal : [literal ?? null];
  const unoffered = values.find((one) => !offered.includes(one));
  return unoffered === undefined ? undefined : String(unoffered);
}

function dynamicKeys(input: InputDefinition): JsonValue[] | undefined {
  const keys = dynamicOptions(input).map(({ key }) => key);
  return keys.length === 0 ? undefined : keys;
}

function titleOf(node: GraphNode): string | null {
  return node._meta?.title ?? null;
}
