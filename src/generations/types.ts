import type { DeploymentRequest } from '../backends/spec.js';
import type { ErrorInfo } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Lane } from '../core/lanes.js';
import type { GenerationStatus } from '../core/statuses.js';
import type { Graph, UiWorkflow } from '../graph/types.js';
import type { BillingTerms } from '../points/types.js';
import type { BindChange } from '../workflows/types.js';

/**
 * Words of the generations room (the states are in `core/statuses.ts`):
 *
 * - generation  one request of one account: a graph in, outputs out
 * - attempt     one try of it on one backend; its id is the backend's prompt id
 * - lane        `interactive` goes before `batch`
 * - attachment  a stored input file that a loader node of the graph will read
 * - settle      the one transaction that ends an attempt; the first caller wins, all later ones change nothing
 * - node        (of a fleet) a process that runs Easel; it owns a backend by a lease with an epoch
 */
export type { Lane };

export interface GenerationRequest {
  /** Who owns it and will see it; nobody else can. */
  readonly accountId: string;
  /** The session that it comes from, of the same account: it is touched, and its places in the waiting room count. */
  readonly sessionId?: string;
  /** What to run: this, or else `deployment`. */
  readonly graph?: Graph;
  /** A deployment of ComfyDeploy and the values for its inputs, in place of a graph. */
  readonly deployment?: DeploymentRequest;
  /** The UI workflow to embed in the files that the backend saves. */
  readonly workflow?: UiWorkflow;
  readonly workflowName?: string;
  readonly workflowVersion?: string;
  readonly attachments?: readonly Attachment[];
  readonly lane?: Lane;
  /** Only this backend may run it. */
  readonly backendId?: string;
  /** Only backends with all these tags, and with so much video memory, may run it. */
  readonly needs?: { readonly tags?: readonly string[]; readonly vramBytes?: number };
  /** The same key with the same request returns the first generation; with another request it is a conflict. */
  readonly idempotencyKey?: string;
  /**
   * What is compared under the key instead of the request itself, where the graph was derived from something: a conversion
   * may draw lots and read the clock, and would make of a repeated request another graph. 1 to 255 characters.
   */
  readonly idempotencyDigest?: string;
  /** Returned as it came, never interpreted. At most 16 KiB as JSON. */
  readonly metadata?: JsonObject;
  readonly limits?: { readonly queueMs?: number; readonly runMs?: number; readonly maxAttempts?: number };
  /** How it is to be paid, where points are in use. */
  readonly billing?: BillingTerms;
  /** The trace that it belongs to (W3C Trace Context). */
  readonly traceParent?: string;
  /** Of the request that asked for it: told in the event `queued`, and to the backend with its submit. */
  readonly requestId?: string;
  /** Which deployment of its workflow was chosen, and why: told in the event `queued`. */
  readonly selection?: { readonly deploymentId: string; readonly rule: string; readonly sentence: string };
  /** Where the graph was bound from a workflow: with which values, and what that changed. Kept, and never interpreted. */
  readonly bound?: BoundRecord;
}

/** What a generation was bound with. */
export interface BoundRecord {
  /** Values by input, drawn seeds included. */
  readonly inputs: JsonObject;
  readonly changes: readonly BindChange[];
}

export interface Attachment {
  /** Empty for an input of a deployment, which gets the URL of the uploaded file. */
  readonly nodeId: string;
  readonly inputName: string;
  /** From `Generations.attach`. */
  readonly mediaId: string;
}

export interface Generation {
  readonly id: string;
  readonly accountId: string;
  readonly sessionId: string | null;
  readonly status: GenerationStatus;
  readonly lane: Lane;
  readonly workflowName: string | null;
  readonly workflowVersion: string | null;
  readonly backendId: string | null;
  readonly attemptCount: number;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly cancelRequested: boolean;
  readonly error: ErrorInfo | null;
  readonly outputs: readonly GenerationOutput[];
  readonly metadata: JsonObject | null;
}

export interface GenerationOutput {
  readonly id: string;
  /** Position in the graph's order, from 0. */
  readonly ordinal: number;
  readonly nodeId: string;
  readonly key: string;
  readonly kind: string;
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: number;
  /** SHA-256 of the stored file, hexadecimal; null for text. */
  readonly hash: string | null;
  readonly text: string | null;
}

/**
 * What a follower of a generation sees. Durable events carry `seq` (1, 2, 3, ... without gaps within a generation) and
 * can be resumed from; live ones (`progress`, `preview`, `warning`) are sent once and carry none.
 */
export type GenerationEvent = DurableEvent | LiveEvent;

export interface DurableEvent {
  readonly generationId: string;
  readonly seq: number;
  readonly at: number;
  readonly type: DurableEventType;
  readonly data: Readonly<Record<string, unknown>>;
  /** This process has just made it, and a webhook is to tell of it. */
  readonly isAwaited?: true;
}

export const DURABLE_EVENT_TYPES = [
  'queued',
  'started',
  'retrying',
  'cancel_requested',
  'collecting',
  'succeeded',
  'failed',
  'cancelled',
  'expired',
] as const;
export type DurableEventType = (typeof DURABLE_EVENT_TYPES)[number];

export type LiveEvent =
  | {
      readonly generationId: string;
      readonly type: 'progress';
      readonly at: number;
      readonly data: ProgressData;
    }
  | {
      readonly generationId: string;
      readonly type: 'preview';
      readonly at: number;
      readonly data: { readonly nodeId: string | null; readonly contentType: string; readonly bytes: Buffer };
    }
  | {
      readonly generationId: string;
      readonly type: 'warning';
      readonly at: number;
      readonly data: { readonly nodeId: string | null; readonly message: string };
    };

export interface ProgressData {
  /** 0 to 100 over the whole graph; never goes down within an attempt. */
  readonly percent: number;
  readonly nodeId: string | null;
  readonly nodeTitle: string | null;
  /** Within the node, when it tells. */
  readonly step: number | null;
  readonly steps: number | null;
  readonly nodesDone: number;
  readonly nodesTotal: number;
}

export function isTerminalEvent(event: GenerationEvent): boolean {
  return (
    event.type === 'succeeded' || event.type === 'failed' || event.type === 'cancelled' || event.type === 'expired'
  );
}

/** Time limits and retry bounds; all times in milliseconds. */
export interface GenerationLimits {
  /** From submit until a backend has taken it, all attempts together. */
  readonly queueMs: number;
  /** From the moment the backend runs it. */
  readonly runMs: number;
  /** A running prompt that says nothing for so long is taken for stuck. Model loading is silent, so be generous. */
  readonly silenceMs: number;
  /** A backend at whose address nobody listens for so long is taken for dead, and its runs are tried elsewhere. */
  readonly goneMs: number;
  /** For fetching all outputs of one attempt. */
  readonly collectMs: number;
  /** How long a cancel waits for the backend to confirm that it stopped. */
  readonly cancelMs: number;
  readonly maxAttempts: number;
  /** Largest single output file. */
  readonly maxOutputBytes: number;
}

export const DEFAULT_LIMITS: GenerationLimits = {
  queueMs: 60 * 60_000,
  runMs: 30 * 60_000,
  silenceMs: 5 * 60_000,
  goneMs: 20_000,
  collectMs: 5 * 60_000,
  cancelMs: 30_000,
  maxAttempts: 3,
  maxOutputBytes: 4 * 1024 ** 3,
};
