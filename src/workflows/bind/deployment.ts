import { type JsonObject, type JsonValue, stringifyLossless } from '../../core/json.js';
import { type ExternalNode, externalNode, type Graph, narrowInteger, plainLiteral } from '../../graph/index.js';
import type { BindChange, Target, WorkflowInput } from '../types.js';
import { type BindableVersion, type Bound, loraInputs } from './bind.js';
import { type GivenValues, type InputProblem, problemAt } from './values.js';

/**
 * What a deployment of ComfyDeploy gets of a bound graph. It runs a copy of its own, in which only marker nodes take values,
 * each by its `input_id`; a key that no node has is ignored there without a word (comfydeploy.md 2.4, 6.1). So what would go
 * anywhere else is refused where somebody gave it, and named among the changes where it is a default.
 */
export interface DeploymentBinding {
  /** By `input_id`, exactly what is sent. */
  readonly values: Readonly<Record<string, MarkerValue>>;
  /** Files, whose addresses are sent once they are uploaded. */
  readonly files: readonly { readonly inputId: string; readonly mediaId: string }[];
}

export type MarkerValue = string | number | bigint | boolean;

interface Marker {
  readonly inputId: string;
  readonly external: ExternalNode;
  /** Inputs of the node that a value stands in. */
  readonly fields: readonly string[];
  /** An earlier node of the same `input_id`, whose value it gets. */
  readonly twinOf: string | null;
}

type Markers = ReadonlyMap<string, Marker>;

const LEFT_OUT = 'left out: a ComfyDeploy deployment takes values at its marker nodes only';
const WAYS_OUT = 'or leave the input out, or run the workflow on a ComfyUI';

/** What was given and cannot be sent, by input. */
export function deploymentProblems(version: BindableVersion, given: GivenValues): InputProblem[] {
  const markers = markersOf(version.graph);
  const problems: InputProblem[] = [];
  for (const input of version.interface.inputs) {
    const { name } = input;
    const obstacle = obstacleOf(input, markers);
    const isGiven = given.values.has(name) || given.files.has(name) || given.seedModes.has(name);
    if (obstacle !== null && isGiven) problems.push(problemAt(name, obstacle));
  }
  for (const input of loraInputs(version, given)) {
    if (obstacleOf(input, markers) !== null) continue;
    problems.push(
      problemAt(
        input.name,
        'It names a LoRA, and a ComfyDeploy deployment runs its own graph, into which no loader can be put. Take it out, or run the workflow on a ComfyUI; with "loras": false in the manifest the text is sent as it is.',
      ),
    );
  }
  return problems;
}

/** Can a deployment be given the value of this input? */
export function reachesDeployment(version: Pick<BindableVersion, 'graph'>): (input: WorkflowInput) => boolean {
  const markers = markersOf(version.graph);
  return (input) => obstacleOf(input, markers) === null;
}

/** The version as a deployment takes it: no loader is put in, and a file that came with the request is uploaded. */
export function versionForDeployment<T extends BindableVersion>(version: T, given: GivenValues): T {
  const inputs = version.interface.inputs.map((input) =>
    given.files.get(input.name)?.kind === 'data' ? { ...input, takes: 'upload' as const } : input,
  );
  return { ...version, interface: { ...version.interface, inputs, loras: null } };
}

/** What is sent, and `bound` as a record of just that. */
export function toDeployment(
  version: BindableVersion,
  bound: Bound,
): { readonly deployment: DeploymentBinding; readonly bound: Bound } {
  const markers = markersOf(version.graph);
  const files = new Map<string, string>();
  for (const { nodeId, inputName, mediaId } of bound.attachments) {
    const marker = markers.get(nodeId);
    if (marker?.fields.includes(inputName)) files.set(marker.inputId, mediaId);
  }
  const values = new Map<string, MarkerValue>();
  for (const [node, marker] of markers) {
    if (marker.twinOf !== null || files.has(marker.inputId)) continue;
    const value = valueAt(node, marker, version.graph, bound.graph);
    if (value !== undefined) values.set(marker.inputId, value);
  }
  const isSent = ({ node, input }: Target) => {
    const marker = markers.get(node);
    if (marker === undefined || !marker.fields.includes(input)) return false;
    const { twinOf, inputId } = marker;
    return (
      twinOf === null || files.has(inputId) || valueAt(node, marker, version.graph, bound.graph) === values.get(inputId)
    );
  };
  const changes = bound.changes.map((change) => (isSent(change) ? change : leftOut(change, version.graph)));
  return {
    deployment: {
      values: Object.fromEntries(values),
      files: [...files].map(([inputId, mediaId]) => ({ inputId, mediaId })),
    },
    bound: { ...bound, changes, inputs: valuesInForce(version, bound, { markers, isSent }) },
  };
}

/** Without the values that no node has got. A literal seed is drawn there, whatever stands in the graph. */
function valuesInForce(
  { interface: { inputs } }: BindableVersion,
  bound: Bound,
  { markers, isSent }: { readonly markers: Markers; readonly isSent: (target: Target) => boolean },
): JsonObject {
  const lost = new Set(bound.changes.filter((change) => !isSent(change)).map(placeOf));
  const isInForce = (input: WorkflowInput | undefined) =>
    input === undefined ||
    obstacleOf(input, markers) === null ||
    (input.role !== 'seed' && !input.targets.some((target) => lost.has(placeOf(target))));
  return Object.fromEntries(
    Object.entries(bound.inputs).filter(([name]) => isInForce(inputs.find((input) => input.name === name))),
  );
}

/** The graph stays as it was there. */
function leftOut({ node, input, why }: BindChange, graph: Graph): BindChange {
  const from = graph[node]?.inputs[input];
  return { node, input, ...(from === undefined ? {} : { from }), to: from ?? null, why: `${why}, ${LEFT_OUT}` };
}

function markersOf(graph: Graph): Markers {
  const markers = new Map<string, Marker>();
  const owners = new Map<string, string>();
  for (const [id, node] of Object.entries(graph)) {
    const external = externalNode(node);
    if (external === undefined) continue;
    const inputId = String(node.inputs['input_id']);
    const fields = ['input_id', external.setBy, external.defaultFrom].filter((field) => field !== null);
    markers.set(id, { inputId, external, fields, twinOf: owners.get(inputId) ?? null });
    if (!owners.has(inputId)) owners.set(inputId, id);
  }
  return markers;
}

function obstacleOf({ targets }: WorkflowInput, markers: Markers): string | null {
  for (const { node, input } of targets) {
    const marker = markers.get(node);
    if (marker === undefined || !marker.fields.includes(input)) {
      return `A ComfyDeploy deployment takes values at its marker nodes only, and ${node}.${input} is at none: connect a ComfyUIDeployExternal node there, in the workflow and in the deployment, ${WAYS_OUT}.`;
    }
    const { twinOf, inputId } = marker;
    if (twinOf !== null && !targets.some((target) => target.node === twinOf)) {
      return `Nodes ${twinOf} and ${node} have the same input_id "${inputId}", and so get one value from a ComfyDeploy deployment: give each an input_id of its own, ${WAYS_OUT}.`;
    }
  }
  return null;
}

/** Undefined where bind has set nothing. The field of the node's own type goes before `input_id`, which is always a text. */
function valueAt(node: string, { external, fields }: Marker, before: Graph, after: Graph): MarkerValue | undefined {
  const [inputId, ...typed] = fields as [string, ...string[]];
  const ordered = external.setBy === null ? [inputId, ...typed] : [external.setBy, inputId, ...typed];
  for (const field of ordered) {
    const value = after[node]?.inputs[field];
    if (value !== undefined && value !== before[node]?.inputs[field]) return toValue(value, external);
  }
  return undefined;
}

function toValue(value: JsonValue, { type }: ExternalNode): MarkerValue {
  if (typeof value === 'string') {
    const isNumber = type === 'integer' || type === 'number';
    if (isNumber && /^-?\d+$/.test(value)) return narrowInteger(BigInt(value));
    if (isNumber && value.trim() !== '' && Number.isFinite(Number(value))) return Number(value);
    return type === 'boolean' && /^(true|false)$/i.test(value) ? value.toLowerCase() === 'true' : value;
  }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return value;
  // A list would be read as a link between nodes there; the nodes that take one parse text (comfydeploy.md 6.1).
  return stringifyLossless(plainLiteral(value) ?? null);
}

function placeOf({ node, input }: Target): string {
  return `${node}\n${input}`;
}
