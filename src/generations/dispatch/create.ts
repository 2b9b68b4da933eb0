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

export interface DispatchOptions extends Partial<WatchOptions> {
  /** Share of an account while it competes with others; 1 unless told. Above 0. */
  readonly weightOf?: (accountId: string) => number;
}

/** The parts of dispatch on one node. */
export interface Dispatch {
  readonly policy: Dispatcher;
  readonly books: QueueBooks;
  readonly watch: QueueWatch;
  stop(): Promise<void>;
}

export function createDispatch(
  parts: { readonly db: Db; readonly clock: Clock; readonly logger: Logger; readonly hub: EventHub },
  options: DispatchOptions = {},
): Dispatch {
  const { db, clock, logger, hub } = parts;
  const { weightOf = () => 1, ...watching } = options;
  const facts = new FactsStore(db, clock);
  const books = new QueueBooks({ db, clock, facts, weightOf });
  const policy = new Dispatcher({ db, clock, logger, books, facts });
  const { offers, fleet } = policy;
  const watch = new QueueWatch({ db, clock, logger, hub, offers, fleet, ...DEFAULT_WATCH, ...watching });
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
