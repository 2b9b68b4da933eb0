import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/log.js';
import type { Db } from '../../db/index.js';
import type { EventHub } from '../event-hub.js';
import { type FollowOptions, followGeneration } from '../follow.js';
import type { GenerationEvent } from '../types.js';
import { type AccountEvent, type AccountFeedOptions, followAccount } from './account-feed.js';
import { AccountWatch } from './account-watch.js';
import { LiveRelay } from './relay.js';
import { EVENTS_TOPIC, EventWatch } from './watch.js';

export interface FollowersOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hub: EventHub;
  readonly tickMs: number;
  /** Does this process run it? */
  readonly runs: (generationId: string) => boolean;
}

/** Streams of events for whoever follows, from whatever node they come. */
export class Followers {
  readonly #options: FollowersOptions;
  readonly #relay: LiveRelay;
  readonly #events: EventWatch;
  readonly #accounts: AccountWatch;

  constructor(options: FollowersOptions) {
    this.#options = options;
    this.#relay = new LiveRelay(options);
    this.#events = new EventWatch(options);
    this.#accounts = new AccountWatch(options);
    const { hub, db } = options;
    hub.subscribeAll((event) => {
      if ('seq' in event) db.changes.publish(EVENTS_TOPIC);
    });
  }

  /** Without it, live events of other nodes do not come; durable ones do. */
  start(): void {
    this.#relay.start();
  }

  stop(): Promise<void> {
    return this.#relay.stop();
  }

  async *generation(id: string, options: FollowOptions): AsyncGenerator<GenerationEvent, void, undefined> {
    const leave = options.live === false ? () => {} : this.#relay.want(id);
    try {
      yield* followGeneration({ ...this.#options, watch: this.#events }, id, options);
    } finally {
      leave();
    }
  }

  account(id: string, options: AccountFeedOptions): AsyncGenerator<AccountEvent, void, undefined> {
    const want = (generationId: string) => this.#relay.want(generationId);
    return followAccount({ ...this.#options, watch: this.#accounts, want }, id, options);
  }
}
