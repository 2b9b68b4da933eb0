import { MAX_AMOUNT, MICRO_PER_POINT } from '../units.js';
import { LEGACY_FIELDS, type LegacyField, type LegacyUser } from './documents.js';

/**
 * What each field becomes. `experience` is carried over as it is. `ignore` reports the sum and imports nothing: `balance`
 * counts tokens of a wallet, and `pendingQoints` are payments that were never confirmed.
 */
export type LegacyTarget = 'credit' | 'allowance' | 'experience' | 'ignore';
export type LegacyMapping = Readonly<Record<LegacyField, LegacyTarget>>;

export const DEFAULT_MAPPING: LegacyMapping = {
  points: 'allowance',
  doints: 'allowance',
  qoints: 'credit',
  boints: 'credit',
  pendingQoints: 'ignore',
  exp: 'experience',
  balance: 'ignore',
};

/** One amount of one user, ready to be granted. */
export interface LegacyGrant {
  readonly accountId: string;
  readonly field: LegacyField;
  readonly target: 'credit' | 'allowance' | 'experience';
  /** Micro-points. */
  readonly amount: number;
}

/** A value that is not imported, and why. */
export interface LegacyReject {
  readonly line: number;
  readonly userId: string | null;
  readonly field: LegacyField | null;
  readonly value: string;
  readonly reason: 'not a number' | 'negative' | 'too large' | 'no user id' | 'user appears twice';
}

export interface LegacyPlan {
  readonly users: number;
  readonly grants: readonly LegacyGrant[];
  readonly rejects: readonly LegacyReject[];
  /** Sums of all usable values by field, in micro-points: what the import must account for. */
  readonly totals: Readonly<
    Record<LegacyField, { readonly target: LegacyTarget; readonly users: number; readonly amount: number }>
  >;
}

/** Pure: says what an import would do. `pointsPerUnit` is what one legacy unit is worth. */
export function planLegacyImport(
  users: readonly LegacyUser[],
  options: { readonly mapping?: Partial<LegacyMapping>; readonly pointsPerUnit?: number } = {},
): LegacyPlan {
  const mapping = { ...DEFAULT_MAPPING, ...options.mapping };
  const { pointsPerUnit = 1 } = options;
  const grants: LegacyGrant[] = [];
  const rejects: LegacyReject[] = [];
  const totals = new Map(LEGACY_FIELDS.map((field) => [field, { target: mapping[field], users: 0, amount: 0 }]));
  const seen = new Set<string>();
  for (const user of users) {
    const { userId } = user;
    if (userId === null || seen.has(userId)) {
      const reason = userId === null ? 'no user id' : 'user appears twice';
      rejects.push({ line: user.line, userId, field: null, value: '', reason });
      continue;
    }
    seen.add(userId);
    for (const field of LEGACY_FIELDS) {
      const value = user.values[field];
      if (value === null || value === 0) continue;
      const target = mapping[field];
      const amount = typeof value === 'number' ? Math.round(value * pointsPerUnit * MICRO_PER_POINT) : Number.NaN;
      const reason = faultOf(amount);
      if (reason !== null) {
        rejects.push({ line: user.line, userId, field, value: String(value), reason });
        continue;
      }
      if (amount === 0) continue;
      const total = totals.get(field);
      if (total !== undefined) totals.set(field, { target, users: total.users + 1, amount: total.amount + amount });
      if (target !== 'ignore') grants.push({ accountId: userId, field, target, amount });
    }
  }
  return { users: users.length, grants, rejects, totals: Object.fromEntries(totals) as LegacyPlan['totals'] };
}

function faultOf(amount: number): LegacyReject['reason'] | null {
  if (Number.isNaN(amount)) return 'not a number';
  if (amount < 0) return 'negative';
  return amount > MAX_AMOUNT ? 'too large' : null;
}
