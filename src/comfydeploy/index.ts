/** The wire: a client of ComfyDeploy's HTTP API, and what its answers and webhooks mean. */
export {
  type ComfyDeployApi,
  ComfyDeployClient,
  type ComfyDeployClientOptions,
  type QueueRunRequest,
  type UploadInputRequest,
} from './client.js';
export type { FetchedFile, FetchLike } from './files.js';
export { type ProducedFile, type ProducedOutput, type ProducedText, producedOutputs } from './outputs.js';
export type { Deployment, Run, RunRow, WorkflowVersion } from './schemas.js';
export { parseWebhook, type WebhookReport } from './webhook.js';
