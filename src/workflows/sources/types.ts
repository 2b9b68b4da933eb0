import type { EaselError, ErrorInfo } from '../../core/errors.js';
import type { JsonValue } from '../../core/json.js';
import type { LoadedWorkflow } from '../../graph/index.js';

/**
 * Words of the sources:
 *
 * - source  a place outside Easel whose workflows are kept up to date here: a folder, a collection, a ComfyDeploy
 * - item    what a source has for one workflow: a file, a flow, the deployments of one name
 * - pass    one look at everything that a source has
 * - fault   an item that cannot be taken in; the workflow stays as it was, and the other items go on
 * - gone    a workflow that its source has no more: turned off, never deleted. Nothing is gone while an item is broken whose
 *           name cannot be told: it may be any of those that are missing. Nor while the source has nothing at all
 */
export interface WorkflowSource {
  /** Workflows and deployments are found by it, so it must stay the same from start to start. */
  readonly id: string;
  readonly kind: string;
  /** For people: where it is. Without secrets. */
  readonly place: string;
  /** Pause between two passes. */
  readonly refreshMs: number;
  /** One pass. Throws when the source as a whole cannot be read: then nothing is known, and nothing counts as gone. */
  load(signal: AbortSignal): AsyncIterable<SourceItem>;
  /** Calls back when something may have changed, as often as it likes. */
  watch?(onChange: () => void): Watching;
  /** After the last pass. */
  close?(): Promise<void>;
}

export interface Watching {
  close(): Promise<void>;
}

export interface SourceItem {
  /** Tells it from the others of the source: a path, the name of a flow. */
  readonly key: string;
  /** Of the workflow; empty where the item is too broken to tell it. */
  readonly name: string;
  /** Differs whenever the content does; what is as it was is not read again. */
  readonly revision: string;
  /** Throws EaselError when the item is broken. */
  read(): Promise<SourceContent>;
}

export interface SourceContent {
  readonly file: LoadedWorkflow;
  readonly manifest: JsonValue;
  /** Where ComfyDeploy runs it. */
  readonly deployments?: readonly SourceDeployment[];
}

export interface SourceDeployment {
  /** ComfyDeploy's id. */
  readonly deploymentId: string;
  /** Null for any backend of the kind. */
  readonly backendId: string | null;
}

export interface ItemFault extends Pick<ErrorInfo, 'code' | 'message'> {
  readonly item: string;
}

export interface SourceState {
  readonly id: string;
  readonly kind: string;
  readonly place: string;
  readonly refreshing: boolean;
  /** When the last pass ended, well or not. Milliseconds since 1970. */
  readonly lastRunAt: number | null;
  /** Since when what is here may be out of date, because the source cannot be read; null while it can. */
  readonly staleSince: number | null;
  /** Why it cannot be read. */
  readonly error: ErrorInfo | null;
  /** Workflows that it has. */
  readonly count: number;
  readonly faults: readonly ItemFault[];
  /** When it is looked at again by itself; null while it is not started, or at work. */
  readonly nextRunAt: number | null;
}

/** What a pass found. */
export interface PassReport {
  readonly count: number;
  /** Workflows with new content. */
  readonly changed: number;
  /** Workflows turned off and on, because they went and came back. */
  readonly gone: number;
  readonly back: number;
  readonly faults: readonly (ItemFault & { readonly error: EaselError })[];
}
