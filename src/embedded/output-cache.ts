import type { JsonValue } from '../core/json.js';
import type { CacheKeys } from './cache-keys.js';
import type { DynamicGraph } from './dynamic-graph.js';
import type { UiData } from './profile.js';

/** What a node left behind. `outputs[slot]` is the list of values, one per call of the node. */
export interface CacheEntry {
  outputs?: readonly (readonly unknown[])[];
  ui?: { readonly meta: NodeMeta; readonly output: UiData };
}

/** `meta` of a history entry. The ids are those of the node that ran, which an equal node may share. */
export type NodeMeta = {
  readonly node_id: string;
  readonly display_node: string;
  readonly parent_node: JsonValue;
  readonly real_node_id: string;
};

/**
 * The classic cache: it keeps exactly the nodes of the previous prompt. Each expanding node has a level of its own for
 * the nodes that it created, so that their results survive as long as the node itself.
 */
export class OutputCache {
  readonly #entries = new Map<string, CacheEntry>();
  readonly #levels = new Map<string, OutputCache>();
  #keyById = new Map<string, string>();
  #levelNames = new Set<string>();
  #graph: DynamicGraph | null = null;

  /** Starts a prompt (or, for a level, an expansion) with these nodes. Entries stay until `cleanUnused`. */
  async setNodes(graph: DynamicGraph, ids: Iterable<string>, keys: CacheKeys): Promise<void> {
    const keyById = new Map<string, string>();
    const levelNames = new Set<string>();
    for (const id of ids) {
      keyById.set(id, await keys.key(id));
      levelNames.add(levelName(graph, id));
    }
    this.#graph = graph;
    this.#keyById = keyById;
    this.#levelNames = levelNames;
  }

  cleanUnused(): void {
    const used = new Set(this.#keyById.values());
    for (const key of this.#entries.keys()) if (!used.has(key)) this.#entries.delete(key);
    for (const name of this.#levels.keys()) if (!this.#levelNames.has(name)) this.#levels.delete(name);
  }

  /** The level for the nodes that `parentId` created, set to these nodes. */
  async startLevel(parentId: string, childIds: Iterable<string>, keys: CacheKeys): Promise<void> {
    const holder = this.#levelOf(parentId);
    const graph = this.#graph;
    if (!holder || !graph) return;
    const name = levelName(graph, parentId);
    let level = holder.#levels.get(name);
    if (!level) {
      level = new OutputCache();
      holder.#levels.set(name, level);
    }
    await level.setNodes(graph, childIds, keys);
    level.cleanUnused();
  }

  get(id: string): CacheEntry | undefined {
    const level = this.#levelOf(id);
    if (!level) return undefined;
    const key = level.#keyById.get(id);
    return key === undefined ? undefined : level.#entries.get(key);
  }

  outputs(id: string): readonly (readonly unknown[])[] | undefined {
    return this.get(id)?.outputs;
  }

  setOutputs(id: string, outputs: readonly (readonly unknown[])[]): void {
    this.#entry(id).outputs = outputs;
  }

  setUi(id: string, ui: NonNullable<CacheEntry['ui']>): void {
    this.#entry(id).ui = ui;
  }

  ids(): string[] {
    const ids = [...this.#keyById.keys()];
    for (const level of this.#levels.values()) ids.push(...level.ids());
    return ids;
  }

  clear(): void {
    this.#entries.clear();
    this.#levels.clear();
    this.#keyById.clear();
    this.#levelNames.clear();
  }

  #entry(id: string): CacheEntry {
    const level = this.#levelOf(id);
    const key = level ? level.#keyById.get(id) : undefined;
    if (!level || key === undefined) return {};
    let entry = level.#entries.get(key);
    if (!entry) {
      entry = {};
      level.#entries.set(key, entry);
    }
    return entry;
  }

  #levelOf(id: string): OutputCache | undefined {
    const graph = this.#graph;
    if (!graph) return undefined;
    const parentId = graph.parentId(id);
    if (parentId === undefined) return this;
    const holder = this.#levelOf(parentId);
    return holder ? holder.#levels.get(levelName(graph, parentId)) : undefined;
  }
}

function levelName(graph: DynamicGraph, id: string): string {
  return JSON.stringify([graph.node(id).class_type, id]);
}
