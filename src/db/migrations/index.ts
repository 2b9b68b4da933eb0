import type { Migration } from '../migrate.js';
import { foundation } from './0001-foundation.js';
import { points } from './0002-points.js';
import { deployments } from './0003-deployments.js';
import { dispatch } from './0004-dispatch.js';
import { fleet } from './0005-fleet.js';
import { workflows } from './0006-workflows.js';
import { workflowSources } from './0007-workflow-sources.js';
import { media } from './0008-media.js';
import { sessions } from './0009-sessions.js';
import { access } from './0010-access.js';
import { webhooks } from './0011-webhooks.js';

/** In order. A migration that was released is never changed; a new one is appended. */
export const MIGRATIONS: readonly Migration[] = [
  foundation,
  points,
  deployments,
  dispatch,
  fleet,
  workflows,
  workflowSources,
  media,
  sessions,
  access,
  webhooks,
];
