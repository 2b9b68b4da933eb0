import type { EngineFolders, NodeClass } from './node.js';
import { definitionWithFiles } from './nodes/input-files.js';
import { asciiJson } from './python-json.js';

/**
 * `/object_info` (comfyui.md 1.9): the definitions of the node classes, with choices of input pictures filled from the
 * input folder.
 */
export class ObjectInfo {
  readonly #nodes: ReadonlyMap<string, NodeClass>;
  readonly #folders: EngineFolders;
  /** The JSON of a definition that does not depend on files. Definitions are immutable, and the whole is large. */
  readonly #texts = new Map<string, string>();

  constructor(nodes: ReadonlyMap<string, NodeClass>, folders: EngineFolders) {
    this.#nodes = nodes;
    this.#folders = folders;
  }

  async all(): Promise<string> {
    const members = await Promise.all([...this.#nodes.keys()].map((name) => this.#member(name)));
    return `{${members.join(', ')}}`;
  }

  /** An empty object for an unknown class. */
  async one(name: string): Promise<string> {
    return this.#nodes.has(name) ? `{${await this.#member(name)}}` : '{}';
  }

  async #member(name: string): Promise<string> {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const { definition } = this.#nodes.get(name)!;
    const filled = await definitionWithFiles(definition, this.#folders);
    const text = `${JSON.stringify(name)}: ${asciiJson(filled)}`;
    if (filled === definition) this.#texts.set(name, text);
    return text;
  }
}
