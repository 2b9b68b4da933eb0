import { PointsError } from '../core/errors.js';
import type { DbReader, DbTransaction } from '../db/index.js';
import type { Account } from './account.js';
import type { BudgetPeriod } from './types.js';
import { formatPoints } from './units.js';

/**
 * Budgets bound what an account, or one of its keys, spends in a period: a day or month (UTC), or one run. What was spent
 * is summed from the holds themselves, so that there is no counter that could disagree with them; an account without
 * budgets pays nothing for it.
 */
export interface Budget {
  readonly accountId: string;
  /** Null for the whole account. */
  readonly budgetKey: string | null;
  readonly period: BudgetPeriod;
  readonly amount: number;
}

export interface Spending {
  readonly budgetKey: string | null;
  readonly runId: string | null;
  readonly amount: number;
}

/** Throws `points_budget_exceeded`. The spender's row is locked, so nobody else spends in between. */
export async function checkBudgets(
  tx: DbTransaction,
  spender: Account,
  spending: Spending,
  nowMs: number,
): Promise<void> {
  if (spender.row.budgeted === 0) return;
  const budgets = await tx
    .selectFrom('point_budgets')
    .selectAll()
    .where('account_id', '=', spender.id)
    .where('budget_key', 'in', ['', ...(spending.budgetKey === null ? [] : [spending.budgetKey])])
    .execute();
  for (const budget of budgets) {
    const period = budget.period as BudgetPeriod;
    if (period === 'run' && spending.runId === null) continue;
    const spent = await spentIn(tx, spender.id, budget.budget_key, period, spending.runId, nowMs);
    if (spent + spending.amount <= budget.amount) continue;
    const whose = budget.budget_key === '' ? 'the account' : `the key "${budget.budget_key}"`;
    throw new PointsError(
      'points_budget_exceeded',
      `The budget of ${whose} per ${period} is ${formatPoints(budget.amount)} points; ${formatPoints(spent)} are spent and ${formatPoints(spending.amount)} more are needed.`,
      {
        details: { budgetKey: budget.budget_key || null, period, limit: budget.amount, spent, need: spending.amount },
      },
    );
  }
}

async function spentIn(
  db: DbReader,
  spenderId: string,
  budgetKey: string,
  period: BudgetPeriod,
  runId: string | null,
  nowMs: number,
): Promise<number> {
  let query = db
    .selectFrom('point_holds')
    .select(({ fn }) => fn.sum<number | null>('charge').as('spent'))
    .where('spender_id', '=', spenderId);
  if (budgetKey !== '') query = query.where('budget_key', '=', budgetKey);
  query =
    period === 'run' ? query.where('run_id', '=', runId) : query.where('created_at', '>=', startOf(period, nowMs));
  return (await query.executeTakeFirst())?.spent ?? 0;
}

/** The beginning of the day or month (UTC) that a time lies in. */
function startOf(period: 'day' | 'month', nowMs: number): number {
  const date = new Date(nowMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), period === 'day' ? date.getUTCDate() : 1);
}
