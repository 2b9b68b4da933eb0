import type { Clock } from '../core/clock.js';
import { WorkflowError } from '../core/errors.js';
import { stringifyLossless } from '../core/json.js';
import type { DbReader, DbTransaction } from '../db/index.js';
import type { BuiltVersion } from './build.js';
import { findWorkflow } from './rows.js';

/** What writes a version: one transaction, after which the workflow has it as its latest. */
export interface NewVersion {
  readonly name: string;
  readonly source: string;
  readonly sourceHash: string;
  readonly note: string | null;
  readonly built: BuiltVersion;
}

/** Returns whether the content is new to the workflow. Throws WorkflowError `workflow_name_taken`. */
export async function insertVersion(tx: DbTransaction, clock: Clock, added: NewVersion): Promise<boolean> {
  const { name, built } = added;
  const { title, description, type, aliases } = built.interface;
  const nowMs = clock.now();
  await refuseTaken(tx, name, aliases);
  const facts = { title, description, type, source: added.source, latest_hash: built.hash, updated_at: nowMs };
  // The row of the workflow is written first, and so locked: two versions at once get two numbers.
  const { version_count: count } = await tx
    .insertInto('workflows')
    .values({ name, ...facts, enabled: 1, version_count: 0, created_at: nowMs })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(facts))
    .returning('version_count')
    .executeTakeFirstOrThrow();
  await tx.deleteFrom('workflow_aliases').where('workflow_name', '=', name).execute();
  for (const alias of aliases) {
    await tx.insertInto('workflow_aliases').values({ alias, workflow_name: name }).execute();
  }
  const known = await tx
    .updateTable('workflow_versions')
    .set({ source_hash: added.sourceHash })
    .where('workflow_name', '=', name)
    .where('hash', '=', built.hash)
    .executeTakeFirst();
  if (known.numUpdatedRows > 0n) return false;
  await tx
    .insertInto('workflow_versions')
    .values({
      workflow_name: name,
      hash: built.hash,
      number: count + 1,
      graph: stringifyLossless(built.graph),
      interface: stringifyLossless(built.interface),
      ui_workflow: built.uiWorkflow === null ? null : stringifyLossless(built.uiWorkflow),
      source_hash: added.sourceHash,
      note: added.note,
      created_at: nowMs,
    })
    .execute();
  await tx
    .updateTable('workflows')
    .set({ version_count: count + 1 })
    .where('name', '=', name)
    .execute();
  return true;
}

/** A name must not mean two workflows. */
async function refuseTaken(db: DbReader, name: string, aliases: readonly string[]): Promise<void> {
  for (const wanted of [name, ...aliases]) {
    const holder = await findWorkflow(db, wanted);
    if (holder === undefined || holder.name === name) continue;
    const what = holder.name === wanted ? 'the name' : 'an alias';
    throw new WorkflowError('workflow_name_taken', `"${wanted}" is ${what} of the workflow ${holder.name}.`, {
      details: { name: wanted, workflow: holder.name },
    });
  }
  const itself = aliases.find((alias) => alias === name);
  if (itself !== undefined) {
    throw new WorkflowError('workflow_name_taken', `"${itself}" is the name of the workflow, and needs no alias.`);
  }
}
