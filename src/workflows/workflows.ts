import type { Clock } from '../core/clock.js';
import { WorkflowError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import { type Db, isUniqueViolation } from '../db/index.js';
import {
  type ConversionWarning,
  type DetectedInput,
  didYouMean,
  type LoadedWorkflow,
  type NodeDefinitions,
} from '../graph/index.js';
import { type Availability, checkAvailability } from './availability.js';
import { buildVersion, sourceHash } from './build.js';
import { Deployments } from './deployments.js';
import { diffVersions, type VersionDiff } from './diff.js';
import { Labels } from './labels.js';
import { parseManifest } from './manifest.js';
import { normalType, requireWorkflowName } from './names.js';
import { type PreparedWorkflow, type PrepareRequest, prepareWorkflow, randomSeed } from './prepare.js';
import { findWorkflow, toSummary, toVersion, toWorkflows, type WorkflowRow } from './rows.js';
import { type Selection, type SelectOptions, Selector, type TypeDeployments } from './selection/index.js';
import type { VersionSummary, Workflow, WorkflowInput, WorkflowVersion } from './types.js';
import { insertVersion } from './versions.js';

export interface WorkflowsOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** Node definitions of a backend, for files in UI format. Throws when no backend answers. */
  readonly definitions?: () => Promise<NodeDefinitions>;
  /** From 0 to `most`, both included; for seeds. */
  readonly randomSeed?: (most: bigint) => bigint;
  /** 0 <= value < 1; for alternatives in prompts. */
  readonly random?: () => number;
}

export interface AddWorkflow {
  /** Counts for less than the one of the manifest. */
  readonly name?: string;
  readonly file: LoadedWorkflow;
  /** As it was written; an empty one unless given. */
  readonly manifest?: JsonValue;
  /** Who adds it; `api` unless told. A source gives its own name, and finds its workflows by it. */
  readonly source?: string;
  /** For people: what is new. At most 1,000 characters. */
  readonly note?: string;
  /** To be put on the version. */
  readonly labels?: readonly string[];
  /** Those of a backend unless given. */
  readonly definitions?: NodeDefinitions;
  /** Build it anew although neither file nor manifest has changed: the backend has. */
  readonly refresh?: boolean;
}

export interface AddedWorkflow {
  readonly workflow: Workflow;
  readonly version: WorkflowVersion;
  /** False when the workflow had this very content before. */
  readonly isNew: boolean;
  readonly warnings: readonly ConversionWarning[];
  /** Inputs that were found and are not offered. */
  readonly left: readonly DetectedInput[];
}

export interface ListWorkflows {
  /** In any spelling: `make`, `txt2img`. */
  readonly type?: string;
  readonly enabled?: boolean;
  readonly source?: string;
  /** Names after this one. */
  readonly after?: string;
  /** 1 to 500; 100 unless told. */
  readonly limit?: number;
}

const MAX_PAGE = 500;

/** The label that counts where a request names no version. */
export const DEFAULT_LABEL = 'production';

/**
 * Workflows and their versions, in the database. A version is meant by its number (`3`, `v3`), its hash or the first 8
 * digits or more of it, a label, or `latest`; by nothing, that with the label `production`, or else the latest.
 */
export class Workflows {
  readonly labels: Labels;
  readonly deployments: Deployments;
  /** Which deployment a run takes, and why. */
  readonly selector: Selector;
  readonly #options: WorkflowsOptions;

  constructor(options: WorkflowsOptions) {
    this.#options = options;
    this.labels = new Labels(options, this);
    this.deployments = new Deployments(options, this);
    const { db, clock, random = Math.random } = options;
    this.selector = new Selector({ db, clock, random }, this);
  }

  /**
   * Adds a version, and with the first one the workflow. Content that the workflow has had before is no new version, but
   * becomes the latest again.
   *
   * Throws GraphError (the file), WorkflowError `workflow_manifest_invalid`, `workflow_name_taken`, `workflow_label_invalid`,
   * and BackendError where definitions are needed and none are to be had.
   */
  async add(request: AddWorkflow): Promise<AddedWorkflow> {
    const { db, clock } = this.#options;
    const given = request.manifest ?? {};
    const manifest = parseManifest(given);
    const name = requireWorkflowName(manifest.name ?? request.name ?? '');
    for (const label of request.labels ?? []) this.labels.requireLabel(label);
    const hash = sourceHash(request.file, given);
    const unchanged = request.refresh === true ? null : await this.#unchanged(name, hash);
    if (unchanged !== null) {
      for (const label of request.labels ?? []) await this.labels.set(name, label, unchanged.hash);
      return { workflow: await this.get(name), version: unchanged, isNew: false, warnings: [], left: [] };
    }
    const definitions = request.definitions ?? (await this.#definitionsFor(request.file));
    const built = buildVersion({ file: request.file, manifest, ...(definitions === undefined ? {} : { definitions }) });
    const isNew = await db
      .transaction((tx) =>
        insertVersion(tx, clock, {
          name,
          source: request.source ?? 'api',
          sourceHash: hash,
          note: request.note?.slice(0, 1_000) ?? null,
          built,
        }),
      )
      .catch((error: unknown) => {
        // Two workflows that claim one alias at the same moment.
        if (!isUniqueViolation(error, 'workflow_aliases_pkey')) throw error;
        throw new WorkflowError('workflow_name_taken', `An alias of ${name} was taken by another workflow just now.`);
      });
    for (const label of request.labels ?? []) await this.labels.set(name, label, built.hash);
    const workflow = await this.get(name);
    const version = await this.version(name, built.hash);
    return { workflow, version, isNew, warnings: built.warnings, left: built.left };
  }

  /** By name or alias. Throws `workflow_unknown`, naming what is near. */
  async get(nameOrAlias: string): Promise<Workflow> {
    const [workflow] = await toWorkflows(this.#options.db.kysely, [await this.#row(nameOrAlias)]);
    return workflow!;
  }

  /** By name. Throws `workflow_type_unknown` for a type that cannot be one. */
  async list(options: ListWorkflows = {}): Promise<Workflow[]> {
    const { kysely } = this.#options.db;
    let query = kysely
      .selectFrom('workflows')
      .selectAll()
      .orderBy('name')
      .limit(Math.min(MAX_PAGE, Math.max(1, options.limit ?? 100)));
    if (options.type !== undefined) query = query.where('type', '=', normalType(options.type) ?? options.type);
    if (options.enabled !== undefined) query = query.where('enabled', '=', options.enabled ? 1 : 0);
    if (options.source !== undefined) query = query.where('source', '=', options.source);
    if (options.after !== undefined) query = query.where('name', '>', options.after);
    return toWorkflows(kysely, await query.execute());
  }

  /** All of them, however many, by name. */
  async all(options: Omit<ListWorkflows, 'after' | 'limit'> = {}): Promise<Workflow[]> {
    const found: Workflow[] = [];
    for (;;) {
      const after = found.at(-1)?.name;
      const page = await this.list({ ...options, limit: MAX_PAGE, ...(after === undefined ? {} : { after }) });
      found.push(...page);
      if (page.length < MAX_PAGE) return found;
    }
  }

  /** What the workflows that are turned on are for, sorted. */
  async types(): Promise<string[]> {
    const rows = await this.#options.db.kysely
      .selectFrom('workflows')
      .select('type')
      .distinct()
      .where('enabled', '=', 1)
      .where('type', 'is not', null)
      .execute();
    return rows.flatMap(({ type }) => type ?? []).sort();
  }

  /** Newest first. Throws `workflow_unknown`. */
  async versions(nameOrAlias: string): Promise<VersionSummary[]> {
    const workflow = await this.get(nameOrAlias);
    const rows = await this.#options.db.kysely
      .selectFrom('workflow_versions')
      .select(['hash', 'number', 'note', 'created_at'])
      .where('workflow_name', '=', workflow.name)
      .orderBy('number', 'desc')
      .execute();
    return rows.map((row) => toSummary(row, workflow));
  }

  /** Throws `workflow_unknown`, `workflow_version_unknown`. */
  async version(nameOrAlias: string, reference?: string): Promise<WorkflowVersion> {
    const workflow = await this.get(nameOrAlias);
    const hash = await this.#hashOf(workflow, reference);
    const row = await this.#options.db.kysely
      .selectFrom('workflow_versions')
      .selectAll()
      .where('workflow_name', '=', workflow.name)
      .where('hash', '=', hash)
      .executeTakeFirst();
    if (row === undefined) throw this.#unknownVersion(workflow, reference ?? hash);
    return toVersion(row, workflow.enabled);
  }

  /** The deployments of a type and what they require. Throws `workflow_type_unknown`. */
  getDeploymentIdByType(type: string): Promise<TypeDeployments> {
    return this.selector.getDeploymentIdByType(type);
  }

  /** One deployment of a type, and why that one. Throws `workflow_type_unknown`, `deployment_none`. */
  select(type: string, options: SelectOptions = {}): Promise<Selection> {
    return this.selector.select(type, options);
  }

  /** Throws `workflow_unknown`, `workflow_version_unknown`. */
  async inputs(nameOrAlias: string, reference?: string): Promise<readonly WorkflowInput[]> {
    return (await this.version(nameOrAlias, reference)).interface.inputs;
  }

  /** Throws `workflow_unknown`, `workflow_version_unknown`. */
  async diff(nameOrAlias: string, from: string, to: string): Promise<VersionDiff> {
    return diffVersions(await this.version(nameOrAlias, from), await this.version(nameOrAlias, to));
  }

  /** What a backend with these definitions lacks for it. Throws `workflow_unknown`, `workflow_version_unknown`. */
  async check(nameOrAlias: string, definitions: NodeDefinitions, reference?: string): Promise<Availability> {
    return checkAvailability(await this.version(nameOrAlias, reference), definitions);
  }

  /**
   * Binds the values of a request. Seeds are drawn and files stored only when nothing is wrong.
   *
   * Throws `workflow_unknown`, `workflow_version_unknown`, `workflow_disabled`, `workflow_input_invalid` and
   * `points_plan_limit` (both list every input), and BackendError where a LoRA is named and no backend answers.
   */
  async prepare(request: PrepareRequest): Promise<PreparedWorkflow> {
    const { db, clock, definitions, random = Math.random } = this.#options;
    const version = await this.version(request.workflow, request.version);
    const seed = this.#options.randomSeed ?? randomSeed;
    return prepareWorkflow(version, request, { db, clock, definitions, random, randomSeed: seed });
  }

  /** What is turned off takes no new generations; those that are there go on. Throws `workflow_unknown`. */
  async setEnabled(nameOrAlias: string, enabled: boolean): Promise<Workflow> {
    const { name } = await this.#row(nameOrAlias);
    const { db, clock } = this.#options;
    // What a person turns off stays off, also where its source has turned it off before and has it again one day.
    const facts = { enabled: enabled ? 1 : 0, updated_at: clock.now(), ...(enabled ? {} : { gone_at: null }) };
    await db.transaction((tx) => tx.updateTable('workflows').set(facts).where('name', '=', name).execute());
    return this.get(name);
  }

  /** With all versions, labels and deployments. Generations keep the graph that they ran. Throws `workflow_unknown`. */
  async remove(nameOrAlias: string): Promise<void> {
    const { name } = await this.#row(nameOrAlias);
    await this.#options.db.transaction((tx) => tx.deleteFrom('workflows').where('name', '=', name).execute());
  }

  /** The latest version, when it was made of this very file and manifest. */
  async #unchanged(name: string, hash: string): Promise<WorkflowVersion | null> {
    const row = await this.#options.db.kysely
      .selectFrom('workflows')
      .innerJoin('workflow_versions', (join) =>
        join
          .onRef('workflow_versions.workflow_name', '=', 'workflows.name')
          .onRef('workflow_versions.hash', '=', 'workflows.latest_hash'),
      )
      .selectAll('workflow_versions')
      .select('workflows.enabled')
      .where('workflows.name', '=', name)
      .where('workflow_versions.source_hash', '=', hash)
      .executeTakeFirst();
    return row === undefined ? null : toVersion(row, row.enabled === 1);
  }

  /** A graph can do without; then the types of its values are what they look like. */
  async #definitionsFor(file: LoadedWorkflow): Promise<NodeDefinitions | undefined> {
    const { definitions } = this.#options;
    if (definitions === undefined) return undefined;
    if (file.graph === undefined) return definitions();
    return definitions().catch(() => undefined);
  }

  async #row(nameOrAlias: string): Promise<WorkflowRow> {
    const { kysely } = this.#options.db;
    const row = await findWorkflow(kysely, nameOrAlias);
    if (row !== undefined) return row;
    const names = await kysely.selectFrom('workflows').select('name').orderBy('name').limit(1_000).execute();
    const aliases = await kysely.selectFrom('workflow_aliases').select('alias').orderBy('alias').limit(1_000).execute();
    const near = didYouMean(nameOrAlias, [...names.map(({ name }) => name), ...aliases.map(({ alias }) => alias)]);
    throw new WorkflowError('workflow_unknown', `There is no workflow "${nameOrAlias.slice(0, 100)}".`, {
      ...(near === '' ? {} : { hint: near }),
      details: { workflow: nameOrAlias.slice(0, 100) },
    });
  }

  async #hashOf(workflow: Workflow, reference: string | undefined): Promise<string> {
    if (reference === undefined) return workflow.labels[DEFAULT_LABEL] ?? workflow.latest.hash;
    if (reference === 'latest') return workflow.latest.hash;
    const labelled = Object.hasOwn(workflow.labels, reference) ? workflow.labels[reference] : undefined;
    if (labelled !== undefined) return labelled;
    const query = this.#options.db.kysely
      .selectFrom('workflow_versions')
      .select('hash')
      .where('workflow_name', '=', workflow.name);
    const number = /^v?(\d{1,9})$/.exec(reference)?.[1];
    if (number !== undefined) {
      const row = await query.where('number', '=', Number(number)).executeTakeFirst();
      if (row !== undefined) return row.hash;
    }
    if (/^[0-9a-f]{8,64}$/.test(reference)) {
      // From the first hash that begins so to what would come after the last, in any order of letters.
      const rows = await query.where('hash', '>=', reference).where('hash', '<', `${reference}g`).limit(2).execute();
      if (rows.length === 1) return rows[0]!.hash;
    }
    throw this.#unknownVersion(workflow, reference);
  }

  #unknownVersion(workflow: Workflow, reference: string): WorkflowError {
    const labels = Object.keys(workflow.labels);
    const near = didYouMean(reference, labels);
    const known = `Its latest version is ${workflow.latest.number}${labels.length === 0 ? '' : `; its labels are ${labels.join(', ')}`}.`;
    return new WorkflowError(
      'workflow_version_unknown',
      `The workflow ${workflow.name} has no version or label "${reference.slice(0, 80)}".`,
      { hint: near === '' ? known : near, details: { workflow: workflow.name, version: reference.slice(0, 80) } },
    );
  }
}
