import type { AccessTables } from './tables/access.js';
import type { BackendTables } from './tables/backends.js';
import type { DeploymentTables } from './tables/deployments.js';
import type { DispatchTables } from './tables/dispatch.js';
import type { GenerationTables } from './tables/generations.js';
import type { LiveTables } from './tables/live.js';
import type { MediaTables } from './tables/media.js';
import type { PointTables } from './tables/points.js';
import type { SessionTables } from './tables/sessions.js';
import type { WebhookTables } from './tables/webhooks.js';
import type { WorkflowTables } from './tables/workflows.js';

/**
 * Every table, as Kysely types. Only three column types exist in either dialect: text, integer (64 bit, read as a
 * JavaScript number) and blob. Booleans are 0 or 1, times are integer milliseconds since 1970, JSON is text, ids are
 * UUIDv7 text. `docs/decisions/0002-portable-columns.md` says why.
 *
 * Words: a `lane` is 0 for interactive work and 1 for batch work; an `epoch` counts the owners of a backend, so that a
 * node whose lease ran out cannot write any more (the fence).
 */
export interface Database
  extends AccessTables,
    GenerationTables,
    LiveTables,
    MediaTables,
    BackendTables,
    DispatchTables,
    DeploymentTables,
    PointTables,
    SessionTables,
    WebhookTables,
    WorkflowTables {}

export type { ApiKeysTable } from './tables/access.js';
export type { AttemptsTable, GenerationsTable } from './tables/generations.js';
export type { PointAccountsTable, PointHoldsTable, PointPostingsTable, PointTransfersTable } from './tables/points.js';
export type { SessionEventsTable } from './tables/sessions.js';
export type { WebhookDeliveriesTable, WebhookEndpointsTable } from './tables/webhooks.js';
