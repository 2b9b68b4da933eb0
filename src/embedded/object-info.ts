import { readdir } from 'node:fs/promises';
import type { JsonValue } from '../core/json.js';
import type { InputSpec, NodeDefinition } from '../graph/types.js';
import { contentTypeOf } from './content-types.js';
import type { EngineFolders, NodeClass } from './node.js';
import { asciiJson } from './python-json.js';

/** Combos with one of these options list files of the input folder. */
const FILE_KINDS: Readonly<Record<string, readonly string[]>> = {
  image_upload: ['image/'],
  animated_image_upload: ['image/', 'video/'],
  video_upload: ['video/'],
  audio_upload: ['audio/', 'video/'],
};

/**
 * `/object_info`: the definitions of the node classes, with upload combos filled from the input folder. Only the top
 * level of the folder is listed, as on a real server.
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

  async one(name: string): Promise<string> {
    return this.#nodes.has(name) ? `{${await this.#member(name)}}` : '{}';
  }

  async #member(name: string): Promise<string> {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const { definition } = this.#nodes.get(name)!;
    const filled = await this.#filled(definition);
    const text = `${JSON.stringify(name)}: ${asciiJson(filled)}`;
    if (filled === definition) this.#texts.set(name, text);
    return text;
  }

  async #filled(definition: NodeDefinition): Promise<NodeDefinition> {
    let filled = definition;
    for (const category of ['required', 'optional'] as const) {
      for (const [name, spec] of Object.entries(definition.input[category] ?? {})) {
        const kind = Object.keys(FILE_KINDS).find((option) => spec[1]?.[option] === true);
        if (kind === undefined) continue;
        const files = await this.#files(FILE_KINDS[kind]!);
        const inputs = { ...filled.input[category], [name]: withChoices(spec, files) };
        filled = { ...filled, input: { ...filled.input, [category]: inputs } };
      }
    }
    return filled;
  }

  async #files(types: readonly string[]): Promise<string[]> {
    const entries = await readdir(this.#folders.input, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && types.some((type) => contentTypeOf(entry.name).startsWith(type)))
      .map((entry) => entry.name)
      .sort();
  }
}

function withChoices([type, options = {}]: InputSpec, choices: readonly JsonValue[]): InputSpec {
  if (typeof type !== 'string') return [choices, options];
  return [type, { ...options, options: [...choices] }];
}
