import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/log.js';
import type { Db } from '../db/index.js';
import type { EventFeed } from './events.js';
import type { Belonging, SessionSettings } from './types.js';

/** What the parts of the service share. */
export interface SessionContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: SessionSettings;
  readonly feed: EventFeed;
  /** In the order in which they are moved when accounts are linked. */
  readonly belongings: readonly Belonging[];
}
