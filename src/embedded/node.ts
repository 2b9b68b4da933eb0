import type { JsonValue } from '../core/json.js';
import type { Graph, NodeDefinition } from '../graph/types.js';

/**
 * What a node class of the embedded engine is made of. The engine (executor, cache, validation) knows only this file;
 * the node library (`src/embedded/nodes/`) and test nodes implement it.
 */
export interface NodeClass {
  /** As /object_info answers it. `definition.name` is the class name. */
  readonly definition: NodeDefinition;
  /**
   * Runs the node once. `inputs` holds resolved values by input name: literals converted to their declared type, link
   * values as the upstream node returned them. With `inputIsList` each value is an array.
   */
  execute(inputs: Readonly<Record<string, unknown>>, context: NodeContext): Promise<NodeResult> | NodeResult;
  /** The node's own check at submit time, of literal values. True, or a reason (empty string: no reason given). */
  validate?(
    inputs: Readonly<Record<string, unknown>>,
    context: NodeCheckContext,
  ): true | string | Promise<true | string>;
  /** Names of inputs that `validate` checks, for which the engine's min/max/combo checks are skipped. */
  readonly validatedInputs?: readonly string[];
  /** Change token for the cache key (file hash and the like). NaN means: never cached. */
  isChanged?(inputs: Readonly<Record<string, unknown>>, context: NodeCheckContext): JsonValue | Promise<JsonValue>;
  /** Names of lazy inputs that are needed now. Called again until it returns none. */
  checkLazy?(inputs: Readonly<Record<string, unknown>>, context: NodeContext): readonly string[];
  readonly inputIsList?: boolean;
  /** True when the node id belongs to the cache key (nodes that ask for UNIQUE_ID, and non-idempotent ones). */
  readonly cacheByNodeId?: boolean;
  /**
   * True for a node that runs beside others while its promise is pending, as a coroutine does on a real server. All
   * other nodes hold the executor until they are done.
   */
  readonly isAsync?: boolean;
}

export interface NodeResult {
  /** One per declared output. For outputs with `output_is_list`, an array of values. A Blocker stops what follows. */
  readonly outputs: readonly unknown[];
  /** UI data: what `executed` and the history carry. */
  readonly ui?: Readonly<Record<string, readonly JsonValue[]>>;
  /** A sub-graph to run instead; `outputs` may then hold links into it. */
  readonly expand?: Graph;
}

/** An output value that keeps everything downstream from running; with a message it is reported as an error frame. */
export class Blocker {
  constructor(readonly message: string | null) {}
}

/** Thrown by a node to fail as a named Python exception does on a real server. */
export class NodeException extends Error {
  constructor(
    /** For example `RuntimeError`, `torch.OutOfMemoryError`. */
    readonly exceptionType: string,
    message: string,
  ) {
    super(message);
  }
}

export interface NodeCheckContext {
  readonly nodeId: string;
  readonly folders: EngineFolders;
  readonly rehearsal: RehearsalOptions;
}

export interface NodeContext extends NodeCheckContext {
  readonly promptId: string;
  /** The executed graph (values coerced), as embedded in saved files. */
  readonly prompt: Graph;
  /** `extra_data.extra_pnginfo` of the request. */
  readonly extraPngInfo: Readonly<Record<string, JsonValue>>;
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal;
  /** Waits like a model would; rejects when interrupted. */
  delay(ms: number): Promise<void>;
  /** Reports progress and checks for an interrupt, like ComfyUI's progress hook. */
  progress(value: number, max: number, preview?: EnginePreview): void;
  /** Sends an image as a binary frame that is not a preview (SaveImageWebsocket). */
  sendImage(image: EnginePreview): void;
  /** Sends text that belongs to this node to every socket (GetImageSize and the like; comfyui.md 2.6, event 3). */
  sendText(text: string): void;
}

export interface EnginePreview {
  readonly format: 'jpeg' | 'png';
  readonly bytes: Buffer;
}

/** Absolute folders. */
export interface EngineFolders {
  readonly input: string;
  readonly output: string;
  readonly temp: string;
}

export interface RehearsalOptions {
  /** Time that one sampler step takes. */
  readonly stepMs: number;
  /** Time that loading one model takes. */
  readonly loadMs: number;
  /** Largest side of preview frames; 0 sends none. */
  readonly previewSize: number;
  /**
   * File names that model loaders offer, by folder (`checkpoints`, `loras`, ...). 'any' accepts every name, since a
   * rehearsal needs no file; a list makes the engine refuse other names as a real server does.
   */
  readonly models: 'any' | Readonly<Record<string, readonly string[]>>;
  /** Draw a stand-in for an input picture that does not exist, instead of refusing it as a real server does. */
  readonly standInImages: boolean;
}

/** IMAGE: a batch of equally large 8-bit pictures, raw interleaved RGB or RGBA. */
export interface ImageBatch {
  readonly type: 'IMAGE';
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly frames: readonly Buffer[];
}

/** MASK: a batch of equally large 8-bit single-channel pictures; 255 is 1.0. */
export interface MaskBatch {
  readonly type: 'MASK';
  readonly width: number;
  readonly height: number;
  readonly frames: readonly Buffer[];
}
