import type { Clock } from '../core/clock.js';
import { WorkflowError } from '../core/errors.js';
import type { Db, DbTransaction } from '../db/index.js';
import { isLabel, LABEL_RULE } from './names.js';
import type { VersionSummary, Workflow, WorkflowVersion } from './types.js';

interface Reader {
  get(nameOrAlias: string): Promise<Workflow>;
  version(nameOrAlias: string, reference?: string): Promise<WorkflowVersion>;
  versions(nameOrAlias: string): Promise<VersionSummary[]>;
}

export interface MovedLabel {
  readonly label: string;
  /** The version before; null for a new label. */
  readonly from: string | null;
  readonly to: string;
}

/** Deployments in a message. */
const MAX_NAMED = 5;

/** Labels: movable names of versions, each with the way that it has come. */
export class Labels {
  readonly #options: { readonly db: Db; readonly clock: Clock };
  readonly #workflows: Reader;

  constructor(options: { readonly db: Db; readonly clock: Clock }, workflows: Reader) {
    this.#options = options;
    this.#workflows = workflows;
  }

  /** Throws `workflow_label_invalid`. */
  requireLabel(label: string): void {
    if (isLabel(label)) return;
    throw new WorkflowError('workflow_label_invalid', `"${label.slice(0, 80)}" cannot be a label.`, {
      hint: `Use ${LABEL_RULE}; not "latest", and nothing that looks like a version.`,
    });
  }

  /** Moves a label to a version. Throws `workflow_unknown`, `workflow_version_unknown`, `workflow_label_invalid`. */
  async set(nameOrAlias: string, label: string, reference: string): Promise<MovedLabel> {
    this.requireLabel(label);
    const { workflow: name, hash } = await this.#workflows.version(nameOrAlias, reference);
    return this.#options.db.transaction(async (tx) => {
      await this.#lock(tx, name);
      const rows = await this.#rows(tx, name, label);
      const current = rows.find((row) => row.is_current === 1);
      if (current?.hash === hash) return { label, from: hash, to: hash };
      await this.#clear(tx, name, label);
      await tx
        .insertInto('workflow_labels')
        .values({
          workflow_name: name,
          label,
          seq: (rows.at(-1)?.seq ?? 0) + 1,
          hash,
          is_current: 1,
          previous_seq: current?.seq ?? null,
          created_at: this.#options.clock.now(),
        })
        .execute();
      return { label, from: current?.hash ?? null, to: hash };
    });
  }

  /**
   * Takes a label back to where it was before it came to where it is. Again, one further back.
   * Throws `workflow_unknown`, `workflow_label_invalid` when there is nothing to go back to.
   */
  async rollback(nameOrAlias: string, label: string): Promise<MovedLabel> {
    const { name } = await this.#workflows.get(nameOrAlias);
    return this.#options.db.transaction(async (tx) => {
      await this.#lock(tx, name);
      const rows = await this.#rows(tx, name, label);
      const current = rows.find((row) => row.is_current === 1);
      const before = rows.find((row) => row.seq === current?.previous_seq);
      if (current === undefined || before === undefined) {
        const why = current === undefined ? 'has no such label' : 'has had it at one version only';
        throw new WorkflowError('workflow_label_invalid', `"${label}" cannot be rolled back: ${name} ${why}.`);
      }
      await this.#clear(tx, name, label);
      await tx
        .updateTable('workflow_labels')
        .set({ is_current: 1 })
        .where('workflow_name', '=', name)
        .where('label', '=', label)
        .where('seq', '=', before.seq)
        .execute();
      return { label, from: current.hash, to: before.hash };
    });
  }

  /**
   * Takes a label away. Throws `workflow_unknown`, `workflow_label_invalid` when there is none, or when deployments follow
   * it: they would take no run any more, and nobody would be told before the next one.
   */
  async remove(nameOrAlias: string, label: string): Promise<void> {
    const { name, labels } = await this.#workflows.get(nameOrAlias);
    if (!Object.hasOwn(labels, label)) {
      throw new WorkflowError('workflow_label_invalid', `${name} has no label "${label.slice(0, 80)}".`);
    }
    await this.#options.db.transaction(async (tx) => {
      await this.#lock(tx, name);
      const followers = await this.#followers(tx, name, label);
      if (followers.length > 0) throw followed(name, label, followers);
      await this.#clear(tx, name, label);
    });
  }

  /** Moves of one workflow's labels happen one after the other. */
  async #lock(tx: DbTransaction, name: string): Promise<void> {
    await tx.updateTable('workflows').set({ updated_at: this.#options.clock.now() }).where('name', '=', name).execute();
  }

  /** Deployments at the label, those that are turned off too: they are to work when they are turned on. */
  async #followers(tx: DbTransaction, name: string, label: string): Promise<string[]> {
    const rows = await tx
      .selectFrom('workflow_deployments')
      .select('id')
      .where('workflow_name', '=', name)
      .where('version', '=', label)
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    return rows.map(({ id }) => id);
  }

  #rows(tx: DbTransaction, name: string, label: string) {
    return tx
      .selectFrom('workflow_labels')
      .select(['seq', 'hash', 'is_current', 'previous_seq'])
      .where('workflow_name', '=', name)
      .where('label', '=', label)
      .orderBy('seq')
      .execute();
  }

  async #clear(tx: DbTransaction, name: string, label: string): Promise<void> {
    await tx
      .updateTable('workflow_labels')
      .set({ is_current: 0 })
      .where('workflow_name', '=', name)
      .where('label', '=', label)
      .where('is_current', '=', 1)
      .execute();
  }
}

function followed(name: string, label: string, deployments: readonly string[]): WorkflowError {
  const named = deployments.slice(0, MAX_NAMED).join(', ');
  const more = deployments.length > MAX_NAMED ? ` and ${deployments.length - MAX_NAMED} more` : '';
  return new WorkflowError(
    'workflow_label_invalid',
    `"${label}" cannot be taken away from ${name}: deployments follow it (${named}${more}).`,
    {
      hint: 'Remove these deployments, or bind them to another version, first.',
      details: { deployments: deployments.slice(0, MAX_NAMED) },
    },
  );
}
