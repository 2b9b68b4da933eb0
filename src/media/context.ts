import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/log.js';
import type { Db } from '../db/index.js';
import type { OutboundClient } from '../outbound/index.js';
import type { FileMediaStore } from './file-store.js';
import type { Gate } from './gate.js';
import type { MediaLimits } from './limits.js';
import type { MediaStore } from './store.js';

/** The section `media` of the configuration, as far as the service needs it. */
export interface MediaSettings extends MediaLimits {
  readonly urlTimeoutMs: number;
  /** 0 is no limit, here and below. */
  readonly quotaBytes: number;
  readonly keepDays: number;
  readonly keepLatest: number;
  readonly derivedKeepDays: number;
  readonly urlMs: number;
  readonly watermark: string;
  readonly ffmpeg: string;
}

/** Points at which a process may die; tests stop there. */
export type MediaProbePoint =
  | 'spooled'
  | 'staged'
  | 'referred'
  | 'committed'
  | 'stored'
  | 'derived-staged'
  | 'derived-referred'
  | 'derived-committed'
  | 'removal-begun'
  | 'removal-done';
export type MediaProbe = (point: MediaProbePoint) => Promise<void>;

/** What the parts of the media room share. */
export interface MediaContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: MediaStore;
  /**
   * Where a file lies on a local disk while it is looked at, before the store gets it. The store itself, when that is a
   * folder: then the file is written once.
   */
  readonly spool: FileMediaStore;
  readonly outbound: OutboundClient;
  readonly settings: MediaSettings;
  /** Owner tag of staged files. */
  readonly owner: string;
  readonly isAlive: (owner: string) => boolean;
  /** Around everything that decodes: each takes a core and some 100 MB for a moment. */
  readonly gate: Gate;
  readonly probe: MediaProbe;
}
