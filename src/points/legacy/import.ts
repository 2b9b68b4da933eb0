import { EaselError } from '../../core/errors.js';
import type { Authority } from '../types.js';
import type { LegacyField } from './documents.js';
import type { LegacyGrant, LegacyPlan } from './plan.js';

/** What the import needs of the ledger. */
export interface LegacyLedger {
  grant(request: {
    readonly accountId: string;
    readonly amount: number;
    readonly bucket: 'credit' | 'allowance' | 'experience';
    readonly idempotencyKey: string;
    readonly authority: Authority;
    readonly note: Readonly<Record<string, unknown>>;
  }): Promise<{ readonly repeated: boolean }>;
}

export interface LegacyReport extends LegacyPlan {
  readonly dryRun: boolean;
  /** By field, in micro-points. `imported` + `earlier` + `changed` + `failed` is the total of the plan. */
  readonly done: Readonly<Partial<Record<LegacyField, Reconciliation>>>;
  /** Values that were imported before and are different now: nothing was done about them. */
  readonly changed: readonly LegacyGrant[];
  readonly failed: readonly (LegacyGrant & { readonly reason: string })[];
  /** Every micro-point of the plan is accounted for, and nothing was refused. */
  readonly reconciled: boolean;
}

interface Reconciliation {
  readonly imported: number;
  readonly earlier: number;
  readonly changed: number;
  readonly failed: number;
}

/** Applies a plan. Every grant has a key made of user and field, so that a second run, or one that was killed, repeats nothing. */
export async function importLegacy(
  ledger: LegacyLedger,
  plan: LegacyPlan,
  options: { readonly dryRun: boolean; readonly authority: Authority },
): Promise<LegacyReport> {
  const done: Partial<Record<LegacyField, Reconciliation>> = {};
  const changed: LegacyGrant[] = [];
  const failed: (LegacyGrant & { readonly reason: string })[] = [];
  const count = (grant: LegacyGrant, into: keyof Reconciliation) => {
    const sum = done[grant.field] ?? { imported: 0, earlier: 0, changed: 0, failed: 0 };
    done[grant.field] = { ...sum, [into]: sum[into] + grant.amount };
  };
  for (const grant of options.dryRun ? [] : plan.grants) {
    try {
      const { repeated } = await ledger.grant({
        accountId: grant.accountId,
        amount: grant.amount,
        bucket: grant.target,
        idempotencyKey: `legacy:${grant.field}`,
        authority: options.authority,
        note: { legacy: grant.field },
      });
      count(grant, repeated ? 'earlier' : 'imported');
    } catch (error) {
      if (!(error instanceof EaselError)) throw error;
      if (error.code === 'idempotency_conflict') {
        changed.push(grant);
        count(grant, 'changed');
      } else if (error.code === 'request_invalid') {
        failed.push({ ...grant, reason: error.message });
        count(grant, 'failed');
      } else throw error;
    }
  }
  const reconciled = options.dryRun || (changed.length === 0 && failed.length === 0);
  return { ...plan, dryRun: options.dryRun, done, changed, failed, reconciled };
}
