/** Easel for programs: `import { EaselClient } from 'easel/client'`. Needs nothing of Node. */
export type { components, paths } from './api-types.js';
export {
  EaselClient,
  type EaselClientOptions,
  type RunOptions,
  type StreamOptions,
  type SubmitOptions,
} from './client.js';
export { EaselApiError, type FieldError } from './errors.js';
export type { AnyWorkflows, Generation, GenerationEvent, MediaInput, Output, WorkflowTypes } from './types.js';
export { verifyWebhook, type WebhookMessage } from './webhooks.js';
