import type { Clock } from '../../core/clock.js';
import { toEaselError, WorkflowError } from '../../core/errors.js';
import { derivedId } from '../../core/ids.js';
import type { Db } from '../../db/index.js';
import { parseManifest } from '../manifest.js';
import { requireWorkflowName } from '../names.js';
import { findWorkflow } from '../rows.js';
import type { Workflows } from '../workflows.js';
import { Presence } from './presence.js';
import type { PassReport, SourceDeployment, SourceItem, WorkflowSource } from './types.js';

interface Taken {
  readonly revision: string;
  readonly workflow: string;
}

/** Makes the workflows of one source what the source has. One pass at a time. */
export class SourceSync {
  readonly #db: Db;
  readonly #workflows: Workflows;
  readonly #source: WorkflowSource;
  readonly #presence: Presence;
  /** By key: what was taken in by an earlier pass, so that it is not read again while it stays as it is. */
  #taken = new Map<string, Taken>();

  constructor(options: {
    readonly db: Db;
    readonly clock: Clock;
    readonly workflows: Workflows;
    readonly source: WorkflowSource;
  }) {
    const { db, clock, workflows, source } = options;
    this.#db = db;
    this.#workflows = workflows;
    this.#source = source;
    this.#presence = new Presence({ db, clock, source: source.id });
  }

  /** Throws what the source throws as a whole, and the reason of the signal; then nothing counts as gone. */
  async pass(signal: AbortSignal): Promise<PassReport> {
    const known = await this.#presence.workflows();
    const taken = new Map<string, Taken>();
    const faults: PassReport['faults'][number][] = [];
    /** By name: the item that has it. What is broken keeps the name that it had. */
    const held = new Map<string, string>();
    let changed = 0;
    let back = 0;
    let hasNameless = false;
    for await (const item of this.#source.load(signal)) {
      signal.throwIfAborted();
      const earlier = this.#taken.get(item.key);
      try {
        if (earlier?.revision === item.revision && known.get(earlier.workflow)?.isGone === false) {
          requireFree(held, earlier.workflow, item.key);
          held.set(earlier.workflow, item.key);
          taken.set(item.key, earlier);
          continue;
        }
        const { workflow, isNew, isBack } = await this.#take(item, held, known);
        taken.set(item.key, { revision: item.revision, workflow });
        if (isNew) changed += 1;
        if (isBack) back += 1;
      } catch (thrown) {
        signal.throwIfAborted();
        const error = toEaselError(thrown);
        faults.push({ item: item.key, code: error.code, message: error.message, error });
        const name = earlier?.workflow ?? item.name.normalize('NFC');
        if (name === '') hasNameless = true;
        else if (!held.has(name)) held.set(name, item.key);
        // It has to be read again, though what it was called is still of use.
        if (earlier !== undefined) taken.set(item.key, { revision: '', workflow: earlier.workflow });
      }
    }
    signal.throwIfAborted();
    if (held.size === 0 && !hasNameless) this.#refuseEmpty(known);
    this.#taken = taken;
    const missing = hasNameless ? [] : [...known].filter(([name, { isGone }]) => !isGone && !held.has(name));
    let gone = 0;
    for (const [name] of missing) if (await this.#presence.markWorkflow(name, false)) gone += 1;
    return { count: taken.size, changed, gone, back, faults };
  }

  /** A folder that is not mounted, or the key of another account, looks like a source whose workflows were all removed. */
  #refuseEmpty(known: ReadonlyMap<string, { readonly isGone: boolean }>): void {
    const lost = [...known].flatMap(([name, { isGone }]) => (isGone ? [] : name));
    if (lost.length === 0) return;
    const { place } = this.#source;
    throw new WorkflowError('file_unreadable', `${place} has no workflow any more, and had ${lost.length}.`, {
      hint: `Check that it is the right place. What is not wanted any more is removed with easel workflows remove ${lost[0]}.`,
      retryable: true,
    });
  }

  async #take(
    item: SourceItem,
    held: Map<string, string>,
    known: ReadonlyMap<string, { readonly isGone: boolean }>,
  ): Promise<{ readonly workflow: string; readonly isNew: boolean; readonly isBack: boolean }> {
    const { file, manifest, deployments } = await item.read();
    const name = requireWorkflowName(parseManifest(manifest).name ?? item.name);
    requireFree(held, name, item.key);
    await this.#refuseForeign(name);
    const { isNew } = await this.#workflows.add({ name, file, manifest, source: this.#source.id });
    if (deployments !== undefined) await this.#deploy(name, deployments);
    const isBack = known.get(name)?.isGone === true;
    if (isBack) await this.#presence.markWorkflow(name, true);
    held.set(name, item.key);
    return { workflow: name, isNew, isBack };
  }

  /** What somebody else added under this name must not be replaced behind their back, nor by two sources in turn. */
  async #refuseForeign(name: string): Promise<void> {
    const row = await findWorkflow(this.#db.kysely, name);
    if (row === undefined || row.name !== name || row.source === this.#source.id) return;
    throw new WorkflowError('workflow_name_taken', `The workflow ${name} was added by "${row.source}".`, {
      hint: `Give this one another name, or remove the other: easel workflows remove ${name}.`,
      details: { name, source: row.source },
    });
  }

  /** Weight, contexts and whether it is on are left as they were set here. */
  async #deploy(workflow: string, wanted: readonly SourceDeployment[]): Promise<void> {
    const { deployments } = this.#workflows;
    const source = this.#source.id;
    const there = new Map((await deployments.list({ workflow, source })).map((one) => [one.id, one]));
    const ids: string[] = [];
    for (const { deploymentId, backendId } of wanted) {
      const id = derivedId('source-deployment', source, workflow, deploymentId);
      ids.push(id);
      const target = { kind: 'comfydeploy', backendId, deploymentId } as const;
      const old = there.get(id);
      if (old === undefined) await deployments.add({ id, workflow, target, source });
      else if (old.target.kind !== 'comfydeploy' || old.target.backendId !== backendId) {
        await deployments.update(id, { target });
      }
    }
    await this.#presence.markDeployments(workflow, ids);
  }
}

function requireFree(held: ReadonlyMap<string, string>, name: string, key: string): void {
  const holder = held.get(name);
  if (holder === undefined) return;
  throw new WorkflowError('workflow_name_taken', `"${key}" has the same name as "${holder}": ${name}.`, {
    details: { name },
  });
}
