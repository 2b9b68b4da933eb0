import type { Clock } from '../../core/clock.js';
import type { Db } from '../../db/index.js';

/**
 * What a source has and has no more. Only what this turned off does it turn on again: what a person turned off has no
 * `gone_at`. What a person turned on while it was gone stays on.
 */
export class Presence {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #source: string;

  constructor(options: { readonly db: Db; readonly clock: Clock; readonly source: string }) {
    this.#db = options.db;
    this.#clock = options.clock;
    this.#source = options.source;
  }

  /** Names of the workflows that the source keeps, with whether they are marked as gone. */
  async workflows(): Promise<Map<string, { readonly isGone: boolean }>> {
    const rows = await this.#db.kysely
      .selectFrom('workflows')
      .select(['name', 'gone_at'])
      .where('source', '=', this.#source)
      .execute();
    return new Map(rows.map((row) => [row.name, { isGone: row.gone_at !== null }]));
  }

  /** Returns whether that changed anything. */
  async markWorkflow(name: string, present: boolean): Promise<boolean> {
    const facts = this.#facts(present);
    const { numUpdatedRows } = await this.#db.transaction((tx) => {
      const update = tx.updateTable('workflows').set(facts).where('name', '=', name).where('source', '=', this.#source);
      if (present) return update.where('gone_at', 'is not', null).executeTakeFirst();
      // What is off already was turned off by a person, and is to stay off when it comes back.
      return update.where('gone_at', 'is', null).where('enabled', '=', 1).executeTakeFirst();
    });
    return numUpdatedRows > 0n;
  }

  /** Of one workflow: these are there, all others of the source are not. */
  async markDeployments(workflow: string, ids: readonly string[]): Promise<void> {
    const rows = await this.#db.kysely
      .selectFrom('workflow_deployments')
      .select(['id', 'enabled', 'gone_at'])
      .where('workflow_name', '=', workflow)
      .where('source', '=', this.#source)
      .execute();
    for (const { id, enabled, gone_at: goneAt } of rows) {
      const present = ids.includes(id);
      if (present === (goneAt === null) || (!present && enabled === 0)) continue;
      const facts = this.#facts(present);
      await this.#db.transaction((tx) =>
        tx.updateTable('workflow_deployments').set(facts).where('id', '=', id).execute(),
      );
    }
  }

  #facts(present: boolean): { enabled: number; gone_at: number | null; updated_at: number } {
    const nowMs = this.#clock.now();
    return { enabled: present ? 1 : 0, gone_at: present ? null : nowMs, updated_at: nowMs };
  }
}
