import type { Clock } from '../core/clock.js';
import type { Db } from '../db/index.js';
import type { Graph } from '../graph/types.js';
import { AccountSettings } from './accounts.js';
import { accrue, accruedBy } from './allowance.js';
import { type AuditEntry, readAudit } from './audit.js';
import { PointsBilling } from './billing.js';
import { newAccountRow } from './books.js';
import { type Estimate, Estimator } from './estimate.js';
import { exportHistory, readStatement, type Statement } from './export.js';
import { type HistoryFilter, type HistoryOptions, type HistoryPage, readHistory } from './history.js';
import {
  type CaptureRequest,
  type GrantRequest,
  type HoldRequest,
  Ledger,
  type RefundRequest,
  type RevokeRequest,
  type TransferRequest,
} from './ledger.js';
import { type Perks, PointsPolicy, type PointsSettings } from './policy.js';
import { quantitiesOf } from './quantities.js';
import { type SweepReport, sweepPoints } from './sweep.js';
import type { Balance, HoldReceipt, Receipt } from './types.js';
import { type Verification, verifyLedger } from './verify.js';

export interface PointsOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly settings: PointsSettings;
}

export interface EstimateRequest {
  /** Whose tier counts; without it no tier does. */
  readonly accountId?: string;
  readonly workflowName?: string | null;
  readonly graph?: Graph;
  readonly context?: string;
}

/** The points service. Throws `config_invalid` for settings that contradict each other. */
export class Points {
  readonly policy: PointsPolicy;
  /** Joins generations to the ledger. */
  readonly billing: PointsBilling;
  /** Plans, floors, groups and budgets of accounts. */
  readonly accounts: AccountSettings;
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #ledger: Ledger;
  readonly #estimator: Estimator;

  constructor({ db, clock, settings }: PointsOptions) {
    this.policy = new PointsPolicy(settings);
    this.#db = db;
    this.#clock = clock;
    this.#estimator = new Estimator(clock, this.policy);
    const options = { db, clock, policy: this.policy };
    this.#ledger = new Ledger(options);
    this.accounts = new AccountSettings(options);
    this.billing = new PointsBilling({ clock, policy: this.policy, estimator: this.#estimator });
  }

  /** Adds points. */
  grant(request: GrantRequest): Promise<Receipt> {
    return this.#ledger.grant(request);
  }

  /** Takes credit away. Throws `points_insufficient`. */
  revoke(request: RevokeRequest): Promise<Receipt> {
    return this.#ledger.revoke(request);
  }

  /** Moves credit between accounts. Throws `points_insufficient`. */
  transfer(request: TransferRequest): Promise<Receipt> {
    return this.#ledger.transfer(request);
  }

  /** Throws `points_insufficient`, `points_budget_exceeded`, `not_found` (group). */
  hold(request: HoldRequest): Promise<HoldReceipt> {
    return this.#ledger.hold(request);
  }

  /** Throws `not_found`, `points_hold_ended`. */
  capture(request: CaptureRequest): Promise<Receipt> {
    return this.#ledger.capture(request);
  }

  /** Throws `not_found`, `points_hold_ended`. */
  release(request: { readonly holdId: string; readonly idempotencyKey: string }): Promise<Receipt> {
    return this.#ledger.release(request);
  }

  /** Throws `not_found`, `points_refund_excessive`. */
  refund(request: RefundRequest): Promise<Receipt> {
    return this.#ledger.refund(request);
  }

  /** What is there now, with the allowance that has come back and without credit that has lapsed. */
  async balance(accountId: string): Promise<Balance> {
    const nowMs = this.#clock.now();
    const stored = await this.#db.kysely
      .selectFrom('point_accounts')
      .selectAll()
      .where('id', '=', accountId)
      .executeTakeFirst();
    const row = stored ?? newAccountRow(accountId, this.policy.defaultPlan, nowMs);
    const lots =
      row.expiring === 0
        ? []
        : await this.#db.kysely
            .selectFrom('point_lots')
            .select(['expires_at', 'remaining'])
            .where('account_id', '=', accountId)
            .where('remaining', '>', 0)
            .orderBy('expires_at')
            .execute();
    const lapsed = lots.filter((lot) => lot.expires_at <= nowMs).reduce((sum, lot) => sum + lot.remaining, 0);
    const plan = this.policy.allowanceOf(row.plan);
    const { allowance, allowance_held: allowanceHeld, accrued_at: accruedAt, accrual_rest: rest } = row;
    const state = { allowance, allowanceHeld, accruedAt, rest };
    const { minted } = accrue(state, plan, nowMs);
    const missing = plan.cap - allowance - allowanceHeld - minted;
    return {
      accountId,
      plan: row.plan,
      allowance: allowance + minted,
      allowanceCap: plan.cap,
      allowancePerDay: plan.perDay,
      allowanceFullAt: missing <= 0 ? null : accruedBy(state, plan, nowMs, missing),
      credit: row.credit - lapsed,
      expiring: lots
        .filter((lot) => lot.expires_at > nowMs)
        .map((lot) => ({ amount: lot.remaining, expiresAt: lot.expires_at })),
      held: row.held,
      floor: row.floor,
      experience: row.experience,
      tier: this.policy.tierOf(row.experience)?.name ?? null,
    };
  }

  /** What the account's plan and tier let it do; for whoever binds inputs or delivers media. */
  async perks(accountId: string): Promise<Perks> {
    const { plan, experience } = await this.#standing(accountId);
    return this.policy.perksOf(plan, experience);
  }

  /** What work will cost, before it is submitted. Zero everywhere when it is free. */
  async estimate(request: EstimateRequest): Promise<Estimate> {
    const { workflowName = null, context = 'interactive', accountId, graph = {} } = request;
    const { experience } = accountId === undefined ? { experience: 0 } : await this.#standing(accountId);
    const quantities = quantitiesOf(graph);
    const quote = await this.#estimator.quote(this.#db.kysely, { workflowName, context, experience, quantities });
    return quote?.estimate ?? { p50: 0, p90: 0, hold: 0, samples: 0, note: 'No price: it is free.' };
  }

  /** A page of an account's ledger. */
  history(accountId: string, options: HistoryOptions = {}): Promise<HistoryPage> {
    return readHistory(this.#db.kysely, accountId, options);
  }

  /** The whole history as text, in pieces. */
  export(accountId: string, format: 'csv' | 'json', filter: HistoryFilter = {}): AsyncIterable<string> {
    return exportHistory(this.#db.kysely, accountId, format, filter);
  }

  /** `month` as `2026-11`, by UTC. Throws `request_invalid`. */
  statement(accountId: string, month: string): Promise<Statement> {
    return readStatement(this.#db.kysely, accountId, month);
  }

  /** What administrators did, newest first. */
  audit(options: Parameters<typeof readAudit>[1] = {}): Promise<AuditEntry[]> {
    return readAudit(this.#db.kysely, options);
  }

  /** Recomputes everything and reports the first discrepancy. Runs beside the traffic. */
  verify(): Promise<Verification> {
    return verifyLedger(this.#db);
  }

  /** Takes out lapsed credit and ends holds that nothing else ends. */
  sweep(): Promise<SweepReport> {
    return sweepPoints({ db: this.#db, clock: this.#clock, ledger: this.#ledger });
  }

  async #standing(accountId: string): Promise<{ readonly plan: string; readonly experience: number }> {
    const row = await this.#db.kysely
      .selectFrom('point_accounts')
      .select(['plan', 'experience'])
      .where('id', '=', accountId)
      .executeTakeFirst();
    return row ?? { plan: this.policy.defaultPlan, experience: 0 };
  }
}
