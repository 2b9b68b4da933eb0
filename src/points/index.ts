export type { AuditEntry } from './audit.js';
export { PointsBilling } from './billing.js';
export type { Budget } from './budgets.js';
export type { Estimate } from './estimate.js';
export type { Statement } from './export.js';
export type { HistoryEntry, HistoryFilter, HistoryOptions, HistoryPage } from './history.js';
export type {
  CaptureRequest,
  GrantRequest,
  HoldRequest,
  RefundRequest,
  RevokeRequest,
  TransferRequest,
} from './ledger.js';
export { type LegacyUser, parseLegacyDocuments } from './legacy/documents.js';
export { importLegacy, type LegacyReport } from './legacy/import.js';
export { readLegacyFromMongo } from './legacy/mongo.js';
export { DEFAULT_MAPPING, type LegacyMapping, type LegacyTarget, planLegacyImport } from './legacy/plan.js';
export { OwnedPoints } from './owned.js';
export type { Perks, PointsSettings } from './policy.js';
export { type EstimateRequest, Points, type PointsOptions } from './service.js';
export type { SweepReport } from './sweep.js';
export {
  type Authority,
  type Balance,
  type BillingTerms,
  BUDGET_PERIODS,
  type Bucket,
  type BudgetPeriod,
  type HoldReceipt,
  PAYER_POLICIES,
  type PayerPolicy,
  type Receipt,
  TRANSFER_KINDS,
  type TransferKind,
} from './types.js';
export { formatPoints, MICRO_PER_POINT, parsePoints } from './units.js';
export type { Verification } from './verify.js';
