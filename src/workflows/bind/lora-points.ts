import { DefinitionIndex, type Graph, type GraphNode, isLink, type NodeDefinitions } from '../../graph/index.js';
import type { LoraRule, Target } from '../types.js';
import type { Source } from './loras.js';

/**
 * Where LoRAs go in: behind the nodes that models and text encoders come from (checkpoint loaders, mostly), before whatever
 * uses them. Where a graph has several models, those count whose text encoder reads the prompt; where that does not decide,
 * the manifest has to.
 */
export type LoraPoints =
  | { readonly model: readonly Source[]; readonly clip: readonly Source[] }
  | { readonly fault: string };

export function findLoraPoints(
  graph: Graph,
  prompt: readonly Target[],
  rule: LoraRule,
  definitions: NodeDefinitions,
): LoraPoints {
  return new Points(graph, new DefinitionIndex(definitions)).find(prompt, rule);
}

type Kind = 'MODEL' | 'CLIP';

class Points {
  readonly #graph: Graph;
  readonly #index: DefinitionIndex;

  constructor(graph: Graph, index: DefinitionIndex) {
    this.#graph = graph;
    this.#index = index;
  }

  find(prompt: readonly Target[], rule: LoraRule): LoraPoints {
    const clip = rule.clip === undefined ? this.#clipBehind(prompt) : this.#named(rule.clip, 'CLIP');
    if (!Array.isArray(clip)) return clip as { readonly fault: string };
    if (rule.model !== undefined) {
      const model = this.#named(rule.model, 'MODEL');
      return Array.isArray(model) ? { model, clip } : (model as { readonly fault: string });
    }
    const models = this.#roots(Object.keys(this.#graph), 'MODEL');
    if (models.length === 0) return { fault: 'It names a LoRA, and the graph loads no model to put it on.' };
    // A checkpoint holds both, and so says which model the prompt is for.
    const together = models.filter(({ node }) => clip.some((source) => source.node === node));
    const chosen = models.length === 1 ? models : together;
    if (chosen.length === 1) {
      const own = clip.filter(({ node }) => node === chosen[0]!.node);
      return { model: chosen, clip: own.length > 0 ? own : clip.slice(0, 1) };
    }
    const ids = models.map(({ node }) => node).join(', ');
    return {
      fault: `It names a LoRA, and the graph has several models (nodes ${ids}): the manifest must say which, as "loras": {"model": "${models[0]!.node}"}.`,
    };
  }

  /** Text encoders' sources of the nodes that read the prompt. */
  #clipBehind(prompt: readonly Target[]): Source[] {
    const encoders: string[] = [];
    const seen = new Set<string>();
    const waiting = prompt.map(({ node }) => node);
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      if (seen.has(id)) continue;
      seen.add(id);
      if (this.#linked(id, 'CLIP').length > 0) encoders.push(id);
      else for (const [user, node] of Object.entries(this.#graph)) if (uses(node, id)) waiting.push(user);
    }
    return this.#roots(encoders, 'CLIP');
  }

  /** The outputs of this kind that lie farthest upstream of these nodes. */
  #roots(ids: readonly string[], kind: Kind): Source[] {
    const roots = new Map<string, Source>();
    const seen = new Set<string>();
    const waiting = ids.flatMap((id) => this.#linked(id, kind));
    for (let source = waiting.pop(); source !== undefined; source = waiting.pop()) {
      const key = `${source.node}\n${source.slot}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const behind = this.#linked(source.node, kind);
      if (behind.length > 0) waiting.push(...behind);
      else if (Object.hasOwn(this.#graph, source.node)) roots.set(key, source);
    }
    return [...roots.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  /** Sources of a node's inputs of this kind: by what the node declares, and by name where it is not known. */
  #linked(id: string, kind: Kind): Source[] {
    const node = this.#graph[id];
    if (node === undefined) return [];
    return Object.entries(node.inputs).flatMap(([input, value]) => {
      if (!isLink(value)) return [];
      const declared = this.#index.input(node.class_type, input)?.type;
      const fits = declared === undefined ? new RegExp(`^${kind}_?\\d*$`, 'i').test(input) : declared === kind;
      return fits ? [{ node: value[0], slot: value[1] }] : [];
    });
  }

  #named(ids: readonly string[], kind: Kind): Source[] | { readonly fault: string } {
    const sources: Source[] = [];
    for (const node of ids) {
      const className = this.#graph[node]?.class_type ?? '';
      const outputs = this.#index.get(className)?.output ?? [];
      const slot = outputs.indexOf(kind);
      if (slot === -1) {
        return {
          fault: `It names a LoRA, and node ${node} (${className}), which the manifest names for it, has no output of type ${kind}.`,
        };
      }
      sources.push({ node, slot });
    }
    return sources;
  }
}

function uses(node: GraphNode, id: string): boolean {
  return Object.values(node.inputs).some((value) => isLink(value) && value[0] === id);
}
