import { ACCESS_ERRORS } from './error-codes/access.js';
import { BACKEND_ERRORS } from './error-codes/backend.js';
import { GRAPH_ERRORS } from './error-codes/graph.js';
import { LIFE_CYCLE_ERRORS } from './error-codes/life-cycle.js';
import { MEDIA_ERRORS } from './error-codes/media.js';
import { POINTS_ERRORS } from './error-codes/points.js';
import { SESSION_ERRORS } from './error-codes/sessions.js';
import { STORAGE_ERRORS } from './error-codes/storage.js';
import { USAGE_ERRORS } from './error-codes/usage.js';
import { WORKFLOW_ERRORS } from './error-codes/workflows.js';

/**
 * The single place that says, per error code, whether trying again can help, which HTTP status it maps to, which exit code
 * the command line uses, and what to do about it. `docs/errors.md` is generated from it and a test checks that both agree.
 *
 * Exit codes: 0 done, 1 unexpected fault in Easel, 2 bad usage or bad input, 3 the backend refused or could not run the
 * graph, 4 the backend could not be reached or is not a ComfyUI, 5 a time limit passed, 130 cancelled by the user.
 */
export const ERROR_CATALOGUE = {
  ...USAGE_ERRORS,
  ...GRAPH_ERRORS,
  ...WORKFLOW_ERRORS,
  ...BACKEND_ERRORS,
  ...LIFE_CYCLE_ERRORS,
  ...POINTS_ERRORS,
  ...STORAGE_ERRORS,
  ...MEDIA_ERRORS,
  ...SESSION_ERRORS,
  ...ACCESS_ERRORS,
} as const;
