import type { JsonValue } from '../core/json.js';
import type { Graph, InputRole, UiWorkflow } from '../graph/index.js';

/**
 * Words of the workflows room:
 *
 * - workflow    a name with versions; the name, its aliases and its type are how people ask for it
 * - version     graph plus interface, never changed; its id is the hash of both
 * - interface   the inputs that a workflow takes and the outputs that it makes
 * - manifest    what an author writes about a workflow (`name.easel.json`): it overrides what is found in the graph
 * - label       a movable name of a version: `production`, `staging`
 * - deployment  a workflow (version) bound to a backend, to any backend, or to a ComfyDeploy deployment
 * - type        what a workflow is for: MAKE, I2I, UPSCALE, ...
 * - bind        values into the graph of a version; each change is recorded with its reason
 */
export type InputType = 'string' | 'integer' | 'number' | 'boolean' | 'choice' | 'file';
export type InputMedia = 'image' | 'mask' | 'video' | 'audio' | 'file';
export type OutputMedia = 'image' | 'video' | 'audio' | 'model3d' | 'text' | 'latent' | 'file';

/** One input of a graph: `{ node: '3', input: 'seed' }`. */
export interface Target {
  readonly node: string;
  readonly input: string;
}

export interface WorkflowInput {
  /** Unique within the workflow. */
  readonly name: string;
  readonly type: InputType;
  readonly role: InputRole;
  readonly required: boolean;
  /** What an absent value means: the value in the graph, or the manifest's. Not given for files and where there is none. */
  readonly default?: JsonValue;
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  readonly step?: number;
  /** Of a text, in characters. */
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly choices?: readonly JsonValue[];
  readonly multiline?: boolean;
  /** For people: what it is called in a form; the name unless told. */
  readonly title?: string;
  readonly description?: string;
  /** For files. */
  readonly media?: InputMedia;
  /** How a file reaches the graph: uploaded to the backend, or as an address that the node fetches. */
  readonly takes?: 'upload' | 'url';
  /** Heading in a form. */
  readonly group: string;
  /** Position in a form, from 0 on. */
  readonly order: number;
  /** Where it was found. */
  readonly source: 'manifest' | 'marker' | 'title' | 'heuristic';
  /** Every input of the graph that takes the value. */
  readonly targets: readonly Target[];
  readonly prompt?: PromptRule;
  /** What an absent seed means. */
  readonly seed?: SeedMode;
}

/** The text in the graph is `prefix`, the caller's text, `base`, `suffix`, without the empty ones, with `separator` between. */
export interface PromptRule {
  readonly prefix?: string;
  readonly base?: string;
  readonly suffix?: string;
  /** `, ` unless told. */
  readonly separator?: string;
}

/** `random`: drawn once per generation; `fixed`: the default; `increment`: one more than the account's last one. */
export type SeedMode = 'random' | 'fixed' | 'increment';

export interface WorkflowOutput {
  readonly name: string;
  readonly nodeId: string;
  readonly media: OutputMedia;
  readonly description?: string;
}

/** Where LoRAs that a prompt names are put: between these nodes and whatever uses their outputs. */
export interface LoraRule {
  /** Nodes whose MODEL output is taken; found in the graph unless given. */
  readonly model?: readonly string[];
  /** Nodes whose CLIP output is taken. */
  readonly clip?: readonly string[];
  /** Most per prompt. */
  readonly max: number;
}

export interface WorkflowRequirements {
  /** `folder/name`, as in `checkpoints/sd15.safetensors`, sorted. */
  readonly models: readonly string[];
  /** Node classes, sorted. */
  readonly classes: readonly string[];
  /** Node packs, sorted: what the manifest names, and where the classes come from as far as the backend told. */
  readonly packs: readonly string[];
  /** Only a backend with all these tags may run it; absent when the manifest names none. */
  readonly tags?: readonly string[];
  /** Only a backend with so much video memory may run it; absent when the manifest does not say. */
  readonly vramBytes?: number;
}

export interface WorkflowInterface {
  readonly title: string | null;
  readonly description: string | null;
  readonly type: string | null;
  readonly aliases: readonly string[];
  /** In the order of a form. */
  readonly inputs: readonly WorkflowInput[];
  readonly outputs: readonly WorkflowOutput[];
  /** Null when prompts are passed on with whatever tags are in them. */
  readonly loras: LoraRule | null;
  /** Texts with alternatives in braces or dates, which each run draws and fills anew where no input sets them. */
  readonly dynamicTexts: readonly Target[];
  readonly requires: WorkflowRequirements;
  readonly limits: { readonly queueMs?: number; readonly runMs?: number; readonly maxAttempts?: number };
}

/** A workflow without its versions' contents. */
export interface Workflow {
  readonly name: string;
  readonly title: string | null;
  readonly description: string | null;
  /** Upper case: MAKE, I2I, ...; null when it has none. */
  readonly type: string | null;
  readonly aliases: readonly string[];
  readonly enabled: boolean;
  /** Who added it: `api`, `cli`, or the name of a source (a folder, a database) that keeps it up to date. */
  readonly source: string;
  /** Of the version that was added last. */
  readonly latest: VersionId;
  /** Label -> version hash. */
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface VersionId {
  /** Counts from 1 within the workflow. */
  readonly number: number;
  /** SHA-256 of graph and interface, hexadecimal; the same whatever the order of keys. */
  readonly hash: string;
}

export interface VersionSummary extends VersionId {
  readonly labels: readonly string[];
  readonly isLatest: boolean;
  readonly note: string | null;
  readonly createdAt: number;
}

export interface WorkflowVersion extends VersionId {
  readonly workflow: string;
  readonly enabled: boolean;
  readonly graph: Graph;
  /** The file in UI format, where there was one: embedded in outputs. */
  readonly uiWorkflow: UiWorkflow | null;
  readonly interface: WorkflowInterface;
  readonly note: string | null;
  readonly createdAt: number;
}

/** Where the runs of a workflow may go. */
export interface Deployment {
  readonly id: string;
  readonly workflow: string;
  /** A version's hash or a label; null for whatever the workflow would take by itself. */
  readonly version: string | null;
  readonly target: DeploymentTarget;
  /** Which callers may use it: `interactive`, `api`, `cook`, ...; `any` stands for all. */
  readonly contexts: readonly string[];
  /** Share of the runs among the deployments that fit, 0 to 10,000. 0 takes none unless nothing else is left. */
  readonly weight: number;
  readonly enabled: boolean;
  /** Who made it: `api`, `cli`, or the name of a source. */
  readonly source: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type DeploymentTarget =
  | { readonly kind: 'any' }
  | { readonly kind: 'backend'; readonly backendId: string }
  | { readonly kind: 'comfydeploy'; readonly backendId: string | null; readonly deploymentId: string };

/** One change of the graph that bind made. */
export interface BindChange {
  readonly node: string;
  readonly input: string;
  /** Absent when the input was not there. */
  readonly from?: JsonValue;
  readonly to: JsonValue;
  /** `input prompt`, `LoRA detail.safetensors of input prompt`, ... */
  readonly why: string;
}
