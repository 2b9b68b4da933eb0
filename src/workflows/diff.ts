import { stringifyLossless } from '../core/json.js';
import type { Graph, GraphNode } from '../graph/index.js';
import { contentHash } from './hash.js';
import type { VersionId, WorkflowInput, WorkflowOutput, WorkflowVersion } from './types.js';

/** What differs between two versions, for somebody who decides whether the second may take the place of the first. */
export interface VersionDiff {
  readonly workflow: string;
  readonly from: VersionId;
  readonly to: VersionId;
  readonly same: boolean;
  readonly nodes: {
    readonly added: readonly NodeMention[];
    readonly removed: readonly NodeMention[];
    readonly changed: readonly (NodeMention & { readonly inputs: readonly ValueChange[] })[];
  };
  /** Of the interface. */
  readonly inputs: PartsDiff;
  readonly outputs: PartsDiff;
  readonly models: ListDiff;
  readonly classes: ListDiff;
  /** Title, description, type, aliases, LoRA rule, limits. */
  readonly about: readonly ValueChange[];
}

export interface NodeMention {
  readonly id: string;
  readonly classType: string;
  readonly title: string | null;
}

/** Of one field. `from` or `to` is absent where there was or is none. */
export interface ValueChange {
  readonly field: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

export interface PartsDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly name: string; readonly fields: readonly ValueChange[] }[];
}

export interface ListDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export function diffVersions(from: WorkflowVersion, to: WorkflowVersion): VersionDiff {
  const [before, after] = [from.interface, to.interface];
  return {
    workflow: to.workflow,
    from: { number: from.number, hash: from.hash },
    to: { number: to.number, hash: to.hash },
    same: from.hash === to.hash,
    nodes: diffNodes(from.graph, to.graph),
    inputs: diffParts(before.inputs, after.inputs),
    outputs: diffParts(before.outputs, after.outputs),
    models: diffLists(before.requires.models, after.requires.models),
    classes: diffLists(before.requires.classes, after.requires.classes),
    about: diffFields(aboutOf(from), aboutOf(to)),
  };
}

function aboutOf({ interface: about }: WorkflowVersion): object {
  const { title, description, type, aliases, loras, limits, requires } = about;
  return { title, description, type, aliases, loras, limits, tags: requires.tags, vramBytes: requires.vramBytes };
}

/** A node is the same when it has the same id and class: another class under an id is another node. */
function diffNodes(before: Graph, after: Graph): VersionDiff['nodes'] {
  const isIn = (graph: Graph, id: string, node: GraphNode) =>
    Object.hasOwn(graph, id) && graph[id]!.class_type === node.class_type;
  const mention = (id: string, { class_type: classType, _meta }: GraphNode): NodeMention => ({
    id,
    classType,
    title: _meta?.title ?? null,
  });
  const added: NodeMention[] = [];
  const changed: (NodeMention & { readonly inputs: readonly ValueChange[] })[] = [];
  for (const [id, node] of Object.entries(after)) {
    if (!isIn(before, id, node)) {
      added.push(mention(id, node));
      continue;
    }
    const inputs = [
      ...diffFields(before[id]!.inputs, node.inputs),
      ...diffFields({ _title: before[id]!._meta?.title }, { _title: node._meta?.title }),
    ];
    if (inputs.length > 0) changed.push({ ...mention(id, node), inputs });
  }
  const removed = Object.entries(before)
    .filter(([id, node]) => !isIn(after, id, node))
    .map(([id, node]) => mention(id, node));
  return { added, removed, changed };
}

function diffParts(
  before: readonly (WorkflowInput | WorkflowOutput)[],
  after: readonly (WorkflowInput | WorkflowOutput)[],
): PartsDiff {
  const old = new Map(before.map((part) => [part.name, part]));
  const names = new Set(after.map(({ name }) => name));
  return {
    added: after.filter(({ name }) => !old.has(name)).map(({ name }) => name),
    removed: before.filter(({ name }) => !names.has(name)).map(({ name }) => name),
    changed: after.flatMap((part) => {
      const fields = diffFields(old.get(part.name) ?? part, part);
      return fields.length === 0 ? [] : [{ name: part.name, fields }];
    }),
  };
}

function diffLists(before: readonly string[], after: readonly string[]): ListDiff {
  return {
    added: after.filter((name) => !before.includes(name)),
    removed: before.filter((name) => !after.includes(name)),
  };
}

function diffFields(before: object, after: object): ValueChange[] {
  const [old, now] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((field) => {
    const [from, to] = [old.get(field), now.get(field)];
    if (isSame(from, to)) return [];
    return [{ field, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }];
  });
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || typeof a !== 'object' || typeof b !== 'object') return false;
  return stringifyLossless(a) === stringifyLossless(b) || contentHash(a) === contentHash(b);
}
