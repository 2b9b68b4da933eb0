import type { Readable } from 'node:stream';
import type { Graph, UiWorkflow } from '../graph/types.js';
import type { FileRef, InputError, NodeErrors } from './schemas.js';
import type { CallOptions } from './transport.js';

export interface PromptRequest {
  readonly graph: Graph;
  /** Used as the id by 0.3.64 and later; from 0.38 it must be a canonical lower-case UUID. */
  readonly promptId?: string;
  readonly clientId?: string;
  /** Embedded in saved files. Never sent as null: that breaks /api/jobs of 0.8 (comfyui.md 1.3). */
  readonly workflow?: UiWorkflow;
  readonly extraData?: Readonly<Record<string, unknown>>;
  readonly front?: boolean;
  readonly number?: number;
  readonly partialExecutionTargets?: readonly string[];
}

export type PromptAnswer =
  | {
      readonly kind: 'queued';
      readonly promptId: string;
      readonly number: number | null;
      /** Not empty: these outputs were dropped from the run, the others will run. */
      readonly nodeErrors: NodeErrors;
    }
  | { readonly kind: 'rejected'; readonly error: InputError; readonly nodeErrors: NodeErrors };

export interface ViewRequest extends CallOptions {
  readonly filename: string;
  readonly subfolder?: string;
  readonly type?: FileRef['type'];
  /** Bytes, both inclusive, as in an HTTP Range. */
  readonly range?: { readonly start: number; readonly end?: number };
  /** `webp` or `jpeg`, optionally `;quality`: a re-encoded picture instead of the file. */
  readonly preview?: string;
  readonly channel?: 'rgba' | 'rgb' | 'a';
}

export interface ViewedFile {
  readonly stream: Readable;
  /** A plain media type; `application/octet-stream` when the server names none that is well formed. */
  readonly contentType: string;
  readonly contentLength: number | null;
  /** True when a requested range is what arrives. */
  readonly partial: boolean;
}

export interface UploadRequest extends CallOptions {
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly stream: Readable;
  readonly type?: FileRef['type'];
  readonly subfolder?: string;
  /** Replaces a file of the same name. Without it, equal content keeps the name and other content gets a new one. */
  readonly overwrite?: boolean;
}

export interface StoredFile {
  readonly name: string;
  readonly subfolder: string;
  readonly type: FileRef['type'];
}

export interface JobsQuery {
  readonly status?: readonly string[];
  readonly workflowId?: string;
  readonly sortBy?: 'created_at' | 'execution_duration';
  readonly sortOrder?: 'asc' | 'desc';
  readonly limit?: number;
  readonly offset?: number;
}
