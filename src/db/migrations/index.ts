import type { Migration } from '../migrate.js';
import { foundation } from './0001-foundation.js';
import { points } from './0002-points.js';

/** In order. A migration that was released is never changed; a new one is appended. */
export const MIGRATIONS: readonly Migration[] = [foundation, points];
