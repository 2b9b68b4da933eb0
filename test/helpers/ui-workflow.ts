import type { JsonObject, JsonValue } from '../../src/core/json.js';

/**
 * Builds workflows in UI format the way the ComfyUI window saves them, for tests. Nodes are added first, then linked by
 * `connect`, which keeps both ends and the list of links in step.
 */
export interface NodeOptions {
  readonly inputs?: readonly string[];
  /** Inputs that are widgets with a socket, as `name:TYPE`. */
  readonly widgets?: readonly string[];
  readonly outputs?: readonly string[];
  readonly values?: JsonValue;
  readonly named?: JsonObject;
  readonly mode?: number;
  readonly title?: string;
  readonly properties?: JsonObject;
}

type LinkRow = [id: number, from: JsonValue, fromSlot: number, to: JsonValue, toSlot: number, type: string];

export class UiBuilder {
  readonly #nodes = new Map<string, JsonObject>();
  readonly #links: LinkRow[] = [];
  #nextLink = 1;

  /** Slots are written `name:TYPE`. */
  node(id: number | string, type: string, options: NodeOptions = {}): this {
    const { inputs = [], widgets = [], outputs = [], values, named, mode = 0, title, properties = {} } = options;
    const slot = (text: string): { name: string; type: string } => {
      const colon = text.lastIndexOf(':');
      return { name: text.slice(0, colon), type: text.slice(colon + 1) };
    };
    this.#nodes.set(String(id), {
      id,
      type,
      mode,
      inputs: [
        ...inputs.map((text) => ({ ...slot(text), link: null })),
        ...widgets.map((text) => ({ ...slot(text), link: null, widget: { name: slot(text).name } })),
      ],
      outputs: outputs.map((text) => ({ ...slot(text), links: [] })),
      properties,
      ...(values === undefined ? {} : { widgets_values: values }),
      ...(named === undefined ? {} : { widgets_values_named: named }),
      ...(title === undefined ? {} : { title }),
    });
    return this;
  }

  /** `-10` and `-20` are the two ends of a subgraph. */
  connect(from: number | string, fromSlot: number, to: number | string, input: string | number): this {
    const id = this.#nextLink++;
    const target = this.#nodes.get(String(to));
    const inputs = (target?.['inputs'] ?? []) as JsonObject[];
    const toSlot = typeof input === 'number' ? input : inputs.findIndex((slot) => slot['name'] === input);
    const outputs = (this.#nodes.get(String(from))?.['outputs'] ?? []) as JsonObject[];
    const type = String(outputs[fromSlot]?.['type'] ?? inputs[toSlot]?.['type'] ?? '*');
    if (inputs[toSlot] !== undefined) inputs[toSlot]['link'] = id;
    (outputs[fromSlot]?.['links'] as number[] | undefined)?.push(id);
    this.#links.push([id, from, fromSlot, to, toSlot, type]);
    return this;
  }

  /** Version 0.4: links are rows. */
  build(extra: JsonObject = {}): JsonObject {
    return {
      version: 0.4,
      nodes: [...this.#nodes.values()],
      links: this.#links,
      groups: [],
      config: {},
      extra: {},
      ...extra,
    };
  }

  /** Version 1: links are objects. */
  buildV1(extra: JsonObject = {}): JsonObject {
    return { ...this.build(extra), version: 1, links: this.#linkObjects() };
  }

  /** A subgraph definition; slots are written `name:TYPE`. */
  subgraph(id: string, name: string, inputs: readonly string[], outputs: readonly string[]): JsonObject {
    const slots = (texts: readonly string[]): JsonObject[] =>
      texts.map((text) => ({ name: text.split(':')[0]!, type: text.split(':')[1]!, linkIds: [] }));
    return {
      id,
      name,
      version: 1,
      inputNode: { id: -10 },
      outputNode: { id: -20 },
      inputs: slots(inputs),
      outputs: slots(outputs),
      nodes: [...this.#nodes.values()],
      links: this.#linkObjects(),
    };
  }

  #linkObjects(): JsonObject[] {
    return this.#links.map(([id, origin_id, origin_slot, target_id, target_slot, type]) => ({
      id,
      origin_id,
      origin_slot,
      target_id,
      target_slot,
      type,
    }));
  }
}

/** Text to image: 1 loader, 2 positive, 3 negative, 4 latent, 5 sampler, 6 decoder, 7 save. */
export function textToImage(): UiBuilder {
  return new UiBuilder()
    .node(1, 'CheckpointLoaderSimple', {
      outputs: ['MODEL:MODEL', 'CLIP:CLIP', 'VAE:VAE'],
      values: ['sd15.safetensors'],
    })
    .node(2, 'CLIPTextEncode', {
      inputs: ['clip:CLIP'],
      widgets: ['text:STRING'],
      outputs: ['C:CONDITIONING'],
      values: ['a lighthouse'],
    })
    .node(3, 'CLIPTextEncode', {
      inputs: ['clip:CLIP'],
      widgets: ['text:STRING'],
      outputs: ['C:CONDITIONING'],
      values: ['blurry'],
    })
    .node(4, 'EmptyLatentImage', {
      widgets: ['width:INT', 'height:INT'],
      outputs: ['LATENT:LATENT'],
      values: [640, 480, 1],
    })
    .node(5, 'KSampler', {
      inputs: ['model:MODEL', 'positive:CONDITIONING', 'negative:CONDITIONING', 'latent_image:LATENT'],
      widgets: ['seed:INT', 'steps:INT'],
      outputs: ['LATENT:LATENT'],
      values: [42, 'randomize', 20, 7.5, 'euler', 'normal', 1],
    })
    .node(6, 'VAEDecode', { inputs: ['samples:LATENT', 'vae:VAE'], outputs: ['IMAGE:IMAGE'] })
    .node(7, 'SaveImage', { inputs: ['images:IMAGE'], values: ['ComfyUI'] })
    .connect(1, 1, 2, 'clip')
    .connect(1, 1, 3, 'clip')
    .connect(1, 0, 5, 'model')
    .connect(2, 0, 5, 'positive')
    .connect(3, 0, 5, 'negative')
    .connect(4, 0, 5, 'latent_image')
    .connect(5, 0, 6, 'samples')
    .connect(1, 2, 6, 'vae')
    .connect(6, 0, 7, 'images');
}
