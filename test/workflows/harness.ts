import { type Clock, systemClock } from '../../src/core/clock.js';
import type { Db } from '../../src/db/index.js';
import { Workflows } from '../../src/workflows/index.js';
import { definitions } from '../helpers/picture-graph.js';

export function openWorkflows(db: Db, clock: Clock = systemClock): Workflows {
  return new Workflows({ db, clock, definitions: async () => definitions() });
}
