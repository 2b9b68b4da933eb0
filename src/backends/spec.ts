import type { Readable } from 'node:stream';
import type { EaselError, ErrorInfo } from '../core/errors.js';
import type { Graph, NodeDefinitions, UiWorkflow } from '../graph/types.js';

/**
 * The interface that every backend adapter implements, version 1. `test/conformance/backend.ts` is its executable form:
 * an adapter is right when that suite passes.
 *
 * Words:
 * - attempt id   chosen by Easel and used as the backend's own id where it accepts one (ComfyUI: `prompt_id`)
 * - accepted     the backend has put the graph into its queue and will run it unless stopped
 * - sighting     what one look at the backend shows of an attempt
 *
 * Adapters speak to one backend, hold no database and no retry loop: each call is one try with its own time limit, and
 * the caller decides what to do next. They trust nothing that the backend says: all of it is parsed.
 */
export const BACKEND_SPEC_VERSION = 1;

export interface Backend {
  readonly specVersion: typeof BACKEND_SPEC_VERSION;
  readonly id: string;
  readonly kind: 'comfyui' | 'comfydeploy' | 'embedded';
  /** For people and logs; never holds credentials. */
  readonly displayUrl: string;

  /**
   * Opens what the adapter needs (event socket, for `embedded` the engine itself) and keeps it open by itself. Resolves
   * when the adapter can be used, which does not mean that the backend is up: that is what `health` tells.
   */
  start(): Promise<void>;
  close(): Promise<void>;

  /** Never throws for what the backend or the network does; see SubmitOutcome. */
  submit(request: SubmitRequest): Promise<SubmitOutcome>;
  /** Looks the attempt up in the backend's queue, then in its history. Throws BackendError when it cannot look. */
  find(attemptId: string, options?: LookOptions): Promise<Sighting>;
  /** Stops the attempt wherever it is, then verifies. Never touches another job. Throws BackendError when it cannot ask. */
  cancel(attemptId: string, options?: LookOptions): Promise<CancelOutcome>;
  /** Streams one output file. Throws BackendError `output_unavailable`, `backend_unreachable`. The caller ends the stream. */
  openOutput(output: FileOutput, options?: CallOptions): Promise<OpenedOutput>;
  /** Stores an input file and returns the value that a loader node takes for it. */
  upload(file: UploadFile, options?: CallOptions): Promise<UploadedFile>;

  /**
   * Ids of all prompts that wait or run on the backend, of others too, where it tells. For finding those of ours that
   * nobody follows any more. Throws BackendError.
   */
  listOpen?(options?: CallOptions): Promise<readonly string[]>;

  /**
   * Somebody says that the attempt moved (a webhook), perhaps under which id the backend runs it. A hint to look: nothing
   * of it is believed before the run was read. Only adapters whose backend reports to us have it.
   */
  noteReport?(attemptId: string, backendRunId: string | null): void;

  /** Everything the backend tells without being asked, from all attempts of ours. Returns the unsubscribe function. */
  onEvent(listener: (event: BackendEvent) => void): () => void;
  /** One cheap look. Never throws. */
  health(options?: CallOptions): Promise<BackendHealth>;
  /** Node definitions, version, features. Cached; `refresh` asks again. Throws BackendError. */
  capabilities(options?: CallOptions & { readonly refresh?: boolean }): Promise<BackendCapabilities>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Sent along as `X-Request-Id`, so that the logs of what stands between meet those of Easel. */
  readonly requestId?: string;
}

/** What Easel has stored of an attempt of a deployment. Adapters that run under our own ids need none of it. */
export interface RunReference {
  readonly deploymentId: string;
  /** The id that the backend chose; null while it is not known, as after a lost answer. */
  readonly backendRunId: string | null;
  /** An id that a report named, not yet confirmed. */
  readonly reportedRunId?: string | null;
  /** When the submit began; milliseconds since 1970. */
  readonly sentAt: number;
}

export interface LookOptions extends CallOptions {
  readonly run?: RunReference;
}

export interface SubmitRequest extends CallOptions {
  readonly attemptId: string;
  /** Empty when a deployment is asked for. */
  readonly graph: Graph;
  /** Embedded by the backend in the files that it saves. */
  readonly workflow?: UiWorkflow;
  /** For backends of kind `comfydeploy`, which run nothing else; all others refuse it. */
  readonly deployment?: DeploymentRequest;
}

/** A workflow that the backend keeps under an id, and values for its inputs. */
export interface DeploymentRequest {
  readonly id: string;
  readonly inputs: Readonly<Record<string, DeploymentValue>>;
}

export type DeploymentValue = string | number | bigint | boolean | readonly (string | number | bigint | boolean)[];

export type SubmitOutcome =
  /** `backendRunId`: the id under which it runs, where that is not the attempt's own. */
  | { readonly kind: 'accepted'; readonly backendRunId?: string }
  /** Certain: the backend will not run it. */
  | { readonly kind: 'refused'; readonly error: EaselError }
  /** The answer was lost. The backend may run it: look it up with `find` before anything else. */
  | { readonly kind: 'unknown'; readonly error: EaselError };

export type Sighting =
  /** `position` counts from 0, over the backend's whole queue in execution order; what runs is at 0. */
  | { readonly state: 'queued'; readonly position: number }
  | { readonly state: 'running' }
  | { readonly state: 'finished'; readonly result: AttemptResult }
  /** In neither queue nor history. Right after a submit this can still change; twice in a row it means lost. */
  | { readonly state: 'absent' };

/** JSON-safe: stored with the attempt before its outputs are collected. */
export interface AttemptResult {
  readonly outcome: 'succeeded' | 'failed' | 'interrupted';
  /** For failed and interrupted. */
  readonly error?: ErrorInfo;
  /** In the order of the graph's nodes, then of the node's own list. */
  readonly outputs: readonly AttemptOutput[];
  /** Milliseconds between start and end by the backend's own clock, when it tells. */
  readonly runMs?: number;
  /** Nodes that were answered from the backend's cache. */
  readonly cachedNodeIds?: readonly string[];
}

export type OutputKind = 'image' | 'video' | 'audio' | 'model3d' | 'text' | 'latent' | 'file';

export type AttemptOutput = FileOutput | TextOutput;

export interface FileOutput {
  readonly kind: Exclude<OutputKind, 'text'>;
  /** The node of the submitted graph that it belongs to (expansion is attributed to its parent). */
  readonly nodeId: string;
  /** Key in the node's UI output: `images`, `audio`, `gifs`, ... */
  readonly key: string;
  readonly filename: string;
  readonly subfolder: string;
  /** `temp` files are previews: the backend wipes them at a restart. */
  readonly type: 'output' | 'temp' | 'input';
  /** The run that made it, where the backend finds files by that. */
  readonly backendRunId?: string;
}

export interface TextOutput {
  readonly kind: 'text';
  readonly nodeId: string;
  readonly key: string;
  readonly text: string;
}

export type CancelOutcome =
  /** It will not run, or it was stopped: verified. */
  | { readonly state: 'cancelled' }
  /** It ended by itself first; a success stays a success. */
  | { readonly state: 'finished'; readonly result: AttemptResult }
  /** The backend does not know it. */
  | { readonly state: 'absent' }
  /** Asked to stop, but still running when last seen (a node in one long call). Look again. */
  | { readonly state: 'stopping' };

export interface OpenedOutput {
  readonly stream: Readable;
  readonly contentType: string;
  readonly contentLength: number | null;
}

export interface UploadFile {
  /** Chosen by Easel and derived from the content; letters, digits, `.`, `-`, `_` only. */
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: number;
  /** Called once per try, so that a retry can read the file again. */
  open(): Readable | Promise<Readable>;
}

export interface UploadedFile {
  /** The value for the loader's input, with subfolder. */
  readonly inputValue: string;
}

export type BackendEvent =
  /** The event stream is up. `first` is false after a reconnect: everything since may have been missed, so look again. */
  | { readonly type: 'connected'; readonly first: boolean }
  | { readonly type: 'disconnected'; readonly reason: string }
  | { readonly type: 'queue'; readonly remaining: number }
  /** It is known now under which id the backend runs it: worth storing. */
  | { readonly type: 'identified'; readonly attemptId: string; readonly backendRunId: string }
  /** It runs. May be repeated as a sign of life by adapters that look instead of listening. */
  | { readonly type: 'started'; readonly attemptId: string }
  /** Share of the whole run, for backends that tell no more. `label`: what it is doing, for people. */
  | {
      readonly type: 'share';
      readonly attemptId: string;
      readonly fraction: number;
      readonly label: string | null;
    }
  | { readonly type: 'cached'; readonly attemptId: string; readonly nodeIds: readonly string[] }
  | { readonly type: 'node'; readonly attemptId: string; readonly nodeId: string }
  | { readonly type: 'node-done'; readonly attemptId: string; readonly nodeId: string }
  | {
      readonly type: 'progress';
      readonly attemptId: string;
      readonly nodeId: string;
      readonly value: number;
      readonly max: number;
    }
  | {
      readonly type: 'preview';
      readonly attemptId: string;
      readonly nodeId: string | null;
      readonly contentType: string;
      readonly bytes: Buffer;
    }
  | { readonly type: 'warning'; readonly attemptId: string; readonly nodeId: string | null; readonly message: string }
  /**
   * A hint to look: `find` probably shows the end now. Never the result itself, which only the history tells. It may
   * come more than once, and too early for an attempt whose own events cannot be heard (sent before a reconnect).
   */
  | { readonly type: 'ended'; readonly attemptId: string };

export interface BackendHealth {
  /** `wrong`: something answers, but it is no such backend, or does not let us in. */
  readonly state: 'ready' | 'unreachable' | 'wrong';
  readonly latencyMs: number;
  readonly checkedAt: number;
  readonly queueRemaining?: number;
  readonly version?: string;
  /** Memory of its largest device, when it tells. */
  readonly vramBytes?: number;
  readonly error?: ErrorInfo;
}

export interface BackendCapabilities {
  readonly version: string | null;
  readonly nodeDefinitions: NodeDefinitions;
  readonly devices: readonly {
    readonly name: string;
    readonly type: string;
    readonly vramTotalBytes: number | null;
    readonly vramFreeBytes: number | null;
  }[];
  /** Largest request body the server takes, when it tells. */
  readonly maxUploadBytes: number | null;
}
