import type { Clock } from '../../core/clock.js';
import { WorkflowError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import type { Db } from '../../db/index.js';
import { didYouMean } from '../../graph/index.js';
import type { Workflows } from '../workflows.js';
import { SourceRunner } from './runner.js';
import { SourceSync } from './sync.js';
import type { SourceState, WorkflowSource } from './types.js';

export interface SourcesOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly workflows: Workflows;
  readonly sources: readonly WorkflowSource[];
}

/**
 * Keeps workflows up to date with the places that they come from. All of it happens beside the requests, which read the
 * database alone: a source that is slow or down delays nobody, and what it had stays in use.
 */
export class Sources {
  readonly #runners: readonly SourceRunner[];

  constructor(options: SourcesOptions) {
    const { db, clock, logger, workflows, sources } = options;
    this.#runners = sources.map(
      (source) => new SourceRunner({ clock, logger, source, sync: new SourceSync({ db, clock, workflows, source }) }),
    );
  }

  /** Begins to follow all sources, and returns at once. */
  start(): void {
    for (const runner of this.#runners) runner.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.stop()));
  }

  states(): SourceState[] {
    return this.#runners.map((runner) => runner.state());
  }

  /** Looks at one source, or all, now; `start` is not needed. Throws `request_invalid` for one that is not there. */
  async refresh(id?: string): Promise<SourceState[]> {
    const chosen = this.#runners.filter(({ source }) => id === undefined || source.id === id);
    if (id !== undefined && chosen.length === 0) {
      const ids = this.#runners.map(({ source }) => source.id);
      const near = didYouMean(id, ids) || `There are: ${ids.join(', ') || 'none'}.`;
      throw new WorkflowError('request_invalid', `There is no source "${id.slice(0, 80)}".`, { hint: near });
    }
    await Promise.all(chosen.map((runner) => runner.refresh()));
    return chosen.map((runner) => runner.state());
  }
}
