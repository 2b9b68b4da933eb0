import type { Clock } from '../../core/clock.js';
import { WorkflowError } from '../../core/errors.js';
import { derivedId } from '../../core/ids.js';
import { definedOnly } from '../../core/objects.js';
import type { Db } from '../../db/index.js';
import { nearestNames } from '../../graph/index.js';
import { normalType } from '../names.js';
import type { Deployment, Workflow, WorkflowInput, WorkflowVersion } from '../types.js';
import {
  type Candidate,
  type ChoiceRequest,
  type Considered,
  choose,
  type SelectionRule,
  sentenceOf,
} from './choose.js';
import { lookAtBackends } from './look.js';

export interface SelectOptions {
  /** `interactive` unless told; `any` may use every deployment. */
  readonly context?: string | undefined;
  /** What the account prefers: a deployment id or a backend id. */
  readonly preference?: string | undefined;
  /** Whether the preference is the one that is stored for the account: the reason says so. */
  readonly isStoredPreference?: boolean | undefined;
  /** The same key gets the same deployment, as long as it is well: an account, a session. */
  readonly stickyKey?: string | undefined;
}

export interface Selection {
  readonly deployment: Deployment;
  /** Why, as data. */
  readonly reason: {
    readonly rule: SelectionRule;
    readonly context: string;
    readonly considered: readonly Considered[];
  };
  /** Why, in one sentence. */
  readonly sentence: string;
}

export interface TypeDeployments {
  /** As stored: upper case. */
  readonly type: string;
  readonly deploymentIds: readonly string[];
  /** What a request must give, whichever of the deployments it gets: the inputs that all of them require. */
  readonly requiredInputs: readonly WorkflowInput[];
  readonly workflows: readonly {
    readonly name: string;
    readonly deploymentIds: readonly string[];
    readonly requiredInputs: readonly WorkflowInput[];
  }[];
}

interface WorkflowReader {
  get(nameOrAlias: string): Promise<Workflow>;
  all(options: { readonly type?: string; readonly enabled?: boolean }): Promise<Workflow[]>;
  types(): Promise<string[]>;
  version(name: string, reference?: string): Promise<WorkflowVersion>;
  readonly deployments: {
    list(options: { readonly workflow?: string; readonly type?: string }): Promise<Deployment[]>;
  };
}

export interface SelectorOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** 0 to 1, exclusive. */
  readonly random: () => number;
}

/** Chooses among the deployments of a type, or of one workflow, and says why. */
export class Selector {
  readonly #options: SelectorOptions;
  readonly #workflows: WorkflowReader;

  constructor(options: SelectorOptions, workflows: WorkflowReader) {
    this.#options = options;
    this.#workflows = workflows;
  }

  /** What clients ask before they build a form. Throws `workflow_type_unknown` with near names. */
  async getDeploymentIdByType(type: string): Promise<TypeDeployments> {
    const workflows = await this.#ofType(type);
    const deployments = await this.#deploymentsOf(workflows);
    const parts = await Promise.all(
      workflows.map(async ({ name }) => {
        const usable = deployments.filter(({ workflow, enabled }) => workflow === name && enabled);
        const deploymentIds = usable.map(({ id }) => id);
        return { name, deploymentIds, requiredInputs: await this.#requiredBy(name, usable) };
      }),
    );
    return {
      type: normalType(type) ?? type,
      deploymentIds: parts.flatMap(({ deploymentIds }) => deploymentIds),
      requiredInputs: inAll(parts.map(({ requiredInputs }) => requiredInputs)),
      workflows: parts,
    };
  }

  /** By all of the versions that its deployments run; where it has none, by the one that it would take by itself. */
  async #requiredBy(workflow: string, deployments: readonly Deployment[]): Promise<WorkflowInput[]> {
    const references = new Set(deployments.map(({ version }) => version ?? undefined));
    const versions = await Promise.all(
      (references.size === 0 ? [undefined] : [...references]).map((one) => this.#workflows.version(workflow, one)),
    );
    return inAll(versions.map(({ interface: { inputs } }) => inputs.filter(({ required }) => required)));
  }

  /** Throws `workflow_type_unknown`, `deployment_none`. */
  async select(type: string, options: SelectOptions = {}): Promise<Selection> {
    const workflows = await this.#ofType(type);
    return this.#choose(await this.#deploymentsOf(workflows), options, `type ${normalType(type) ?? type}`);
  }

  /**
   * Among the deployments of one workflow. Null when it has none: then it goes to any backend that can run it, and where
   * something was preferred the answer says why that counts for nothing. Throws `deployment_none`.
   */
  async selectFor(workflow: string, options: SelectOptions = {}): Promise<Selection | null> {
    const deployments = await this.#workflows.deployments.list({ workflow });
    if (deployments.length > 0) return this.#choose(deployments, options, `workflow ${workflow}`);
    const { preference, ...rest } = options;
    if (preference === undefined) return null;
    const anywhere = impliedDeployment(await this.#workflows.get(workflow));
    if (preference === anywhere.id) return this.#choose([anywhere], options, `workflow ${workflow}`);
    const selection = await this.#choose([anywhere], rest, `workflow ${workflow}`);
    const what = options.isStoredPreference === true ? 'What the account prefers' : 'What is preferred';
    return {
      ...selection,
      sentence: `${selection.sentence} ${what} counts for nothing: the workflow has no deployments.`,
    };
  }

  async #choose(deployments: readonly Deployment[], options: SelectOptions, what: string): Promise<Selection> {
    const { db, clock, random } = this.#options;
    const request: ChoiceRequest = { ...options, context: options.context ?? 'interactive' };
    const healthOf = await lookAtBackends(db.kysely, clock.now());
    const candidates = deployments.map((deployment): Candidate => ({ deployment, health: healthOf(deployment) }));
    const choice = choose(candidates, request, random);
    if (choice === null) {
      const contexts = [
        ...new Set(deployments.filter(({ enabled }) => enabled).flatMap((each) => each.contexts)),
      ].sort();
      throw new WorkflowError('deployment_none', `No deployment of ${what} may be used for ${request.context}.`, {
        hint:
          contexts.length === 0
            ? 'Turn one of its deployments on.'
            : `Its deployments are for ${contexts.join(', ')}: use one of these contexts, or give a deployment this one.`,
        details: { context: request.context, contexts },
      });
    }
    return {
      deployment: choice.candidate.deployment,
      reason: { rule: choice.rule, context: request.context, considered: choice.considered },
      sentence: sentenceOf(choice, request),
    };
  }

  async #ofType(type: string): Promise<Workflow[]> {
    const wanted = normalType(type);
    const found = wanted === null ? [] : await this.#workflows.all({ type, enabled: true });
    if (found.length > 0) return found;
    const types = await this.#workflows.types();
    const near = nearestNames(wanted ?? type, types);
    throw new WorkflowError('workflow_type_unknown', `No workflow is of the type "${type.slice(0, 60)}".`, {
      details: { type: type.slice(0, 60), nearest: near, types },
      ...(types.length === 0
        ? {}
        : { hint: near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Types are: ${types.join(', ')}.` }),
    });
  }

  /** Those that are stored, and for a workflow without any the one that it has by itself. */
  async #deploymentsOf(workflows: readonly Workflow[]): Promise<Deployment[]> {
    const names = new Set(workflows.map(({ name }) => name));
    const type = workflows[0]?.type ?? undefined;
    const ofType = await this.#workflows.deployments.list(definedOnly({ type }));
    const stored = ofType.filter(({ workflow }) => names.has(workflow));
    const implied = workflows
      .filter(({ name }) => !stored.some(({ workflow }) => workflow === name))
      .map(impliedDeployment);
    return [...stored, ...implied];
  }
}

/** A workflow that nobody deployed anywhere may go anywhere, for anybody. */
function impliedDeployment({ name, createdAt, updatedAt }: Workflow): Deployment {
  return {
    id: derivedId('implied deployment', name),
    workflow: name,
    version: null,
    target: { kind: 'any' },
    contexts: ['any'],
    weight: 100,
    enabled: true,
    source: 'implied',
    createdAt,
    updatedAt,
  };
}

/** Those of the first list that are in every other one too, by name. */
function inAll(lists: readonly (readonly WorkflowInput[])[]): WorkflowInput[] {
  const [first = [], ...others] = lists;
  return first.filter(({ name }) => others.every((list) => list.some((input) => input.name === name)));
}
