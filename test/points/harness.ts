import type { Db } from '../../src/db/index.js';
import { Points, type PointsSettings } from '../../src/points/index.js';
import { VirtualClock } from '../../src/testing/index.js';

export const POINT = 1_000_000;
export const ADMIN = { actor: 'ann', reason: 'test' };

export const SETTINGS: PointsSettings = {
  defaultPlan: 'none',
  plans: {
    none: { allowance: 0, allowancePerDay: 0 },
    free: { allowance: 100, allowancePerDay: 100, perks: { watermark: true } },
    pro: { allowance: 1000, allowancePerDay: 500, perks: { watermark: false } },
  },
  tiers: [],
  contexts: { interactive: ['allowance', 'credit'], api: ['credit'], cook: ['credit'] },
  prices: [],
  backendClasses: {},
  margin: 1,
  overdraft: false,
  cancelled: 'free',
  holdMs: 86_400_000,
  expiryGraceMs: 86_400_000,
  topUpHint: 'Buy points at the counter.',
};

export function makePoints(db: Db, settings: Partial<PointsSettings> = {}, clock = new VirtualClock()) {
  return { clock, points: new Points({ db, clock, settings: { ...SETTINGS, ...settings } }) };
}

let serial = 0;
/** A key that was never used before. */
export function freshKey(): string {
  serial += 1;
  return `key-${serial}`;
}
