import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/log.js';
import type { Db } from '../../db/index.js';
import type { EventHub } from '../event-hub.js';
import type { ManagedBackend } from '../fleet/fleet.js';
import { Dispatcher } from './dispatcher.js';
import { FactsStore } from './facts-store.js';
import type { DispatchTraits } from './fleet-books.js';
import type { OfferTraits } from './offers.js';
import { QueueBooks } from './queue-books.js';
import { DEFAULT_WATCH, QueueWatch, type WatchOptions } from './queue-watch.js';
import type { Unservable } from './unservable.js';

export interface DispatchOptions extends Partial<WatchOptions> {
  /** Share of an account while it competes with others; 1 unless told. Above 0. */
  readonly weightOf?: (accountId: string) => number;
  /** A generation that no backend can run fails at once, instead of waiting for a backend that can. */
  readonly failsUnservable?: boolean;
  /** A backend of this node had to load a model before a run could sample. */
  readonly onModelLoad?: (backendId: string) => void;
}

/** The parts of dispatch on one node. */
export interface Dispatch {
  readonly policy: Dispatcher;
  readonly books: QueueBooks;
  readonly watch: QueueWatch;
  stop(): Promise<void>;
}

export function createDispatch(
  parts: {
    readonly db: Db;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly hub: EventHub;
    readonly fail?: (found: Unservable) => Promise<void>;
  },
  options: DispatchOptions = {},
): Dispatch {
  const { db, clock, logger, hub, fail } = parts;
  const { weightOf = () => 1, failsUnservable = false, onModelLoad, ...watching } = options;
  const ends = failsUnservable && fail !== undefined ? { onUnservable: fail } : {};
  const facts = new FactsStore(db, clock);
  const books = new QueueBooks({ db, clock, facts, weightOf });
  const policy = new Dispatcher({
    db,
    clock,
    logger,
    books,
    facts,
    ...(onModelLoad === undefined ? {} : { onModelLoad }),
  });
  const { offers, fleet } = policy;
  const watch = new QueueWatch({ db, clock, logger, hub, offers, fleet, ...ends, ...DEFAULT_WATCH, ...watching });
  return {
    policy,
    books,
    watch,
    async stop() {
      await Promise.all([watch.stop(), policy.stop()]);
    },
  };
}

export function managedTraits({ concurrency, traits }: ManagedBackend): DispatchTraits & OfferTraits {
  return { speed: 1, io: 1, weight: 1, tags: [], vramBytes: null, ...traits, concurrency: concurrency ?? 1 };
}
