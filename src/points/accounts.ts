import { EaselError } from '../core/errors.js';
import type { DbTransaction } from '../db/index.js';
import { writeAudit } from './audit.js';
import { Books, checkAccountId } from './books.js';
import type { Budget } from './budgets.js';
import type { LedgerOptions } from './ledger.js';
import { type Authority, BUDGET_PERIODS, PAYER_POLICIES, type PayerPolicy } from './types.js';
import { checkAmount } from './units.js';

/** What administrators set on an account. Nothing here moves points, and all of it is audited. */
export class AccountSettings {
  readonly #options: LedgerOptions;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** What has come back by now counts by the old plan; allowance above the new cap stays. */
  async setPlan(accountId: string, plan: string, authority: Authority): Promise<void> {
    if (!this.#options.policy.hasPlan(plan)) {
      throw invalid('plan', `There is no plan "${plan}".`);
    }
    await this.#change(accountId, authority, 'set_plan', { plan }, (books) => {
      const account = books.account(accountId);
      books.accrue(account);
      account.row.plan = plan;
      account.changed = true;
    });
  }

  /** How far credit may go below zero: 0, or a negative number of micro-points. */
  async setFloor(accountId: string, floor: number, authority: Authority): Promise<void> {
    if (floor > 0) throw invalid('floor', 'floor must be 0 or less.');
    if (floor < 0) checkAmount(-floor, 'floor');
    await this.#change(accountId, authority, 'set_floor', { floor }, (books) => {
      const account = books.account(accountId);
      if (account.row.credit < floor) throw invalid('floor', 'The account is below this floor already.');
      account.row.floor = floor === 0 ? 0 : floor;
      account.changed = true;
    });
  }

  async setPayer(groupId: string, payer: PayerPolicy | null, authority: Authority): Promise<void> {
    if (payer !== null && !PAYER_POLICIES.includes(payer)) {
      throw invalid('payer', `payer must be one of ${PAYER_POLICIES.join(', ')}.`);
    }
    await this.#change(groupId, authority, 'set_payer', { payer }, (books) => {
      const account = books.account(groupId);
      account.row.payer = payer;
      account.changed = true;
    });
  }

  async addMember(groupId: string, accountId: string, authority: Authority): Promise<void> {
    checkAccountId(accountId);
    await this.#change(groupId, authority, 'add_member', { accountId }, async (books, tx) => {
      await tx
        .insertInto('point_members')
        .values({ group_id: groupId, account_id: accountId, created_at: books.nowMs })
        .onConflict((conflict) => conflict.columns(['group_id', 'account_id']).doNothing())
        .execute();
    });
  }

  async removeMember(groupId: string, accountId: string, authority: Authority): Promise<void> {
    await this.#change(groupId, authority, 'remove_member', { accountId }, async (_books, tx) => {
      await tx
        .deleteFrom('point_members')
        .where('group_id', '=', groupId)
        .where('account_id', '=', accountId)
        .execute();
    });
  }

  /** `amount` null removes the budget. */
  async setBudget(
    budget: Omit<Budget, 'amount'> & { readonly amount: number | null },
    authority: Authority,
  ): Promise<void> {
    const { accountId, budgetKey, period, amount } = budget;
    if (!BUDGET_PERIODS.includes(period))
      throw invalid('period', `period must be one of ${BUDGET_PERIODS.join(', ')}.`);
    if (amount !== null && (!Number.isSafeInteger(amount) || amount < 0)) {
      throw invalid('amount', 'amount must be a whole number of micro-points, 0 or more.');
    }
    await this.#change(accountId, authority, 'set_budget', { budgetKey, period, amount }, async (books, tx) => {
      const key = { account_id: accountId, budget_key: budgetKey ?? '', period };
      if (amount === null) {
        await tx
          .deleteFrom('point_budgets')
          .where('account_id', '=', key.account_id)
          .where('budget_key', '=', key.budget_key)
          .where('period', '=', key.period)
          .execute();
      } else {
        await tx
          .insertInto('point_budgets')
          .values({ ...key, amount })
          .onConflict((conflict) => conflict.columns(['account_id', 'budget_key', 'period']).doUpdateSet({ amount }))
          .execute();
      }
      const left = await tx
        .selectFrom('point_budgets')
        .select('amount')
        .where('account_id', '=', accountId)
        .limit(1)
        .executeTakeFirst();
      const account = books.account(accountId);
      account.row.budgeted = left === undefined ? 0 : 1;
      account.changed = true;
    });
  }

  async #change(
    accountId: string,
    authority: Authority,
    action: string,
    details: Readonly<Record<string, unknown>>,
    work: (books: Books, tx: DbTransaction) => Promise<void> | void,
  ): Promise<void> {
    const { db, clock, policy } = this.#options;
    await db.transaction(async (tx) => {
      const books = new Books(tx, clock.now(), policy);
      await books.open([accountId]);
      await work(books, tx);
      await writeAudit(tx, books.nowMs, { accountId, action, authority, details });
      await books.write();
    });
  }
}

function invalid(field: string, message: string): EaselError {
  return new EaselError('request_invalid', message, { details: { field } });
}
