import type { DynamicGraph } from './dynamic-graph.js';
import type { MessageSink } from './messages.js';
import type { EnginePreview } from './node.js';

/**
 * Progress of one run. Every change sends the whole map of the nodes seen so far (comfyui.md 2.3), to the client of the
 * prompt or, when it named none, to everybody.
 */
export class ProgressTracker {
  readonly #sink: MessageSink;
  readonly #graph: DynamicGraph;
  readonly #promptId: string;
  readonly #clientId: unknown;
  readonly #states = new Map<string, NodeProgress>();

  constructor(sink: MessageSink, graph: DynamicGraph, promptId: string, clientId: unknown) {
    this.#sink = sink;
    this.#graph = graph;
    this.#promptId = promptId;
    this.#clientId = clientId;
  }

  start(id: string): void {
    this.#states.set(id, this.#state(id, 'running', 0, 1));
    this.#send();
  }

  finish(id: string): void {
    const max = this.#states.get(id)?.max ?? 1;
    this.#states.set(id, this.#state(id, 'finished', max, max));
    this.#send();
  }

  /** With preview metadata the frame precedes `progress`, without it follows: clients of both kinds rely on it. */
  update(id: string, value: number, max: number, preview?: EnginePreview): void {
    this.#states.set(id, this.#state(id, 'running', value, max));
    this.#send();
    const wantsMetadata = this.#sink.supportsPreviewMetadata(this.#clientId);
    if (preview && wantsMetadata)
      this.#sink.sendPreviewWithMetadata(preview, this.#metadata(id, preview), this.#clientId);
    this.#sink.send('progress', { value, max, prompt_id: this.#promptId, node: id }, this.#clientId);
    if (preview && !wantsMetadata) this.#sink.sendPreview(preview, this.#clientId);
  }

  /** An image without progress. */
  image(id: string, image: EnginePreview): void {
    if (this.#sink.supportsPreviewMetadata(this.#clientId)) {
      this.#sink.sendPreviewWithMetadata(image, this.#metadata(id, image), this.#clientId);
    } else {
      this.#sink.sendPreview(image, this.#clientId);
    }
  }

  #state(id: string, state: NodeProgress['state'], value: number, max: number): NodeProgress {
    return {
      value,
      max,
      state,
      node_id: id,
      prompt_id: this.#promptId,
      display_node_id: this.#graph.displayId(id),
      parent_node_id: this.#graph.parentId(id) ?? null,
      real_node_id: this.#graph.realId(id),
    };
  }

  #metadata(id: string, image: EnginePreview): object {
    return {
      node_id: id,
      prompt_id: this.#promptId,
      display_node_id: this.#graph.displayId(id),
      parent_node_id: this.#graph.parentId(id) ?? null,
      real_node_id: this.#graph.realId(id),
      image_type: image.format === 'png' ? 'image/png' : 'image/jpeg',
    };
  }

  #send(): void {
    const data = { prompt_id: this.#promptId, nodes: this.#states };
    this.#sink.send('progress_state', data, this.#clientId);
  }
}

interface NodeProgress {
  readonly value: number;
  readonly max: number;
  readonly state: 'running' | 'finished';
  readonly node_id: string;
  readonly prompt_id: string;
  readonly display_node_id: string;
  readonly parent_node_id: string | null;
  readonly real_node_id: string;
}
