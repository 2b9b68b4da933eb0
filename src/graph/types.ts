import type { JsonObject, JsonValue } from '../core/json.js';

/**
 * Words of the graph room. Wire facts: `comfyui.md` sections 1.9 and 4.
 *
 * - graph            a ComfyUI prompt in API format: node id -> node
 * - link             `[source node id, output index]`, the only two-element arrays a graph may hold
 * - node definition  what a ComfyUI server says of one node class in /object_info
 * - UI workflow      what people save from the ComfyUI window (LiteGraph JSON, 0.4 or 1.0)
 */
export type Link = [nodeId: string, outputIndex: number];

export interface GraphNode {
  class_type: string;
  /** Literals and links. A literal array is wrapped: `{ "__value__": [...] }`. */
  inputs: Record<string, JsonValue>;
  _meta?: { title?: string };
}

export type Graph = Record<string, GraphNode>;

/** A UI-format workflow, parsed losslessly and otherwise untouched; the converter reads it leniently. */
export type UiWorkflow = JsonObject;

/** `[type]` or `[type, options]`; an array type is an old-style combo. */
export type InputSpec = readonly [type: string | readonly JsonValue[], options?: Readonly<Record<string, JsonValue>>];

export interface NodeDefinition {
  readonly name: string;
  readonly display_name?: string;
  readonly description?: string;
  readonly category?: string;
  readonly python_module?: string;
  readonly input: {
    readonly required?: Readonly<Record<string, InputSpec>>;
    readonly optional?: Readonly<Record<string, InputSpec>>;
    readonly hidden?: Readonly<Record<string, JsonValue>>;
  };
  readonly input_order?: {
    readonly required?: readonly string[];
    readonly optional?: readonly string[];
    readonly hidden?: readonly string[];
  };
  readonly output: readonly (string | readonly JsonValue[])[];
  readonly output_is_list?: readonly boolean[];
  readonly output_name?: readonly string[];
  readonly output_node?: boolean;
  readonly [key: string]: unknown;
}

/** The whole of /object_info: class -> definition. */
export type NodeDefinitions = Readonly<Record<string, NodeDefinition>>;

export function isLink(value: unknown): value is Link {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number';
}
