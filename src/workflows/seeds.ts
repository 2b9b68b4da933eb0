import type { Db } from '../db/index.js';
import type { WorkflowInput } from './types.js';

/**
 * Seeds that count up, per account: each is drawn by one request, whatever else happens at the same moment. A request that
 * is refused later has used its seed up.
 */
export async function nextSeeds(
  db: Db,
  at: { readonly workflow: string; readonly accountId: string },
  inputs: readonly WorkflowInput[],
): Promise<ReadonlyMap<string, bigint>> {
  if (inputs.length === 0) return new Map();
  return db.transaction(async (tx) => {
    const seeds = new Map<string, bigint>();
    // Names in order, so that two requests lock in the same order.
    for (const input of [...inputs].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const key = { workflow_name: at.workflow, account_id: at.accountId, input: input.name };
      const first = BigInt((input.default as number | bigint | undefined) ?? 0);
      const begun = await tx
        .insertInto('workflow_seeds')
        .values({ ...key, seed: String(first) })
        .onConflict((conflict) => conflict.columns(['workflow_name', 'account_id', 'input']).doNothing())
        .executeTakeFirst();
      if ((begun.numInsertedOrUpdatedRows ?? 0n) > 0n) {
        seeds.set(input.name, first);
        continue;
      }
      const row = tx
        .selectFrom('workflow_seeds')
        .select('seed')
        .where('workflow_name', '=', key.workflow_name)
        .where('account_id', '=', key.account_id)
        .where('input', '=', key.input)
        .forUpdate();
      const next = following(BigInt((await row.executeTakeFirstOrThrow()).seed), input);
      await tx
        .updateTable('workflow_seeds')
        .set({ seed: String(next) })
        .where('workflow_name', '=', key.workflow_name)
        .where('account_id', '=', key.account_id)
        .where('input', '=', key.input)
        .execute();
      seeds.set(input.name, next);
    }
    return seeds;
  });
}

/** Of all workflows: where the account has counted to. */
export async function removeSeeds(db: Db, accountId: string): Promise<void> {
  await db.transaction((tx) => tx.deleteFrom('workflow_seeds').where('account_id', '=', accountId).execute());
}

/** After the greatest comes the least again. */
function following(seed: bigint, { min = 0, max }: WorkflowInput): bigint {
  return max !== undefined && seed >= BigInt(max) ? BigInt(min) : seed + 1n;
}
