/** The wire: an HTTP and a websocket client of a ComfyUI server, and what its answers mean. */
export type { BackendAuth, ConnectionOptions, TlsOptions } from './connection.js';
export { type Answer, type Exchange, foreignAnswer, header, mayHaveBeenAccepted, parseRetryAfter } from './failures.js';
export type { ComfyUiFrame } from './frames.js';
export { graphShapeError } from './graph-shape.js';
export { ComfyUiHttp } from './http.js';
export type {
  JobsQuery,
  PromptAnswer,
  PromptRequest,
  StoredFile,
  UploadRequest,
  ViewedFile,
  ViewRequest,
} from './http-types.js';
export { multipartBody, requireSafeFilename, safeContentType } from './multipart.js';
export { EXECUTION_BLOCKED, interpretHistory, type RunResult } from './outcome.js';
export type { OutputKind, RunFile, RunOutput, RunText, TempOutputs } from './outputs.js';
export { fileKind } from './outputs.js';
export { type Refusal, refusalError } from './refusals.js';
export type {
  Features,
  FileRef,
  HistoryEntry,
  InputError,
  Job,
  Jobs,
  NodeErrors,
  QueueItem,
  SystemStats,
} from './schemas.js';
export {
  ComfyUiSocket,
  type ComfyUiSocketEvent,
  type ComfyUiSocketOptions,
  type ComfyUiSocketState,
} from './socket.js';
export { mapStreamErrors } from './streams.js';
export { TimeLimit } from './time-limit.js';
export { type CallOptions, HttpTransport, type TransportOptions, type TransportRequest } from './transport.js';
export { honoursTargetedInterrupt } from './versions.js';
