import type { z } from 'zod';
import { stringifyLossless } from '../core/json.js';
import type { NodeDefinitions } from '../graph/types.js';
import { type Answer, foreignAnswer, statusFailure } from './failures.js';
import {
  callOptions,
  getRequest,
  isStreamed,
  jsonRequest,
  tryJson,
  userDataPath,
  viewedFile,
} from './http-requests.js';
import type {
  JobsQuery,
  PromptAnswer,
  PromptRequest,
  StoredFile,
  UploadRequest,
  ViewedFile,
  ViewRequest,
} from './http-types.js';
import { multipartBody, requireSafeFilename, requireSafeSubfolder } from './multipart.js';
import { readNodeDefinitions } from './node-definitions.js';
import { sortPending } from './queue-order.js';
import * as schemas from './schemas.js';
import { type CallOptions, HttpTransport, type TransportOptions, type TransportRequest } from './transport.js';

/**
 * Every HTTP route of a ComfyUI server that a client needs (comfyui.md 1). Each call is one try. All throw BackendError:
 * see failures.ts for what its `details` tell. Everything that comes back is parsed.
 */
/** A slow line must not fail a large upload, and a dead one must not hold it for ever. */
const SLOWEST_UPLOAD_BYTES_PER_SECOND = 128 * 1024;

export class ComfyUiHttp {
  readonly #transport: HttpTransport;

  constructor(options: TransportOptions) {
    this.#transport = new HttpTransport(options);
  }

  /** Origin and base path of the server, without credentials. */
  get displayUrl(): string {
    return this.#transport.connection.displayUrl;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** POST /prompt. The graph is sent to the last digit. A 400 with a reason is an answer, not an exception. */
  async submitPrompt(request: PromptRequest, options: CallOptions = {}): Promise<PromptAnswer> {
    const { workflow, extraData } = request;
    const body = {
      prompt: request.graph,
      ...(request.clientId === undefined ? {} : { client_id: request.clientId }),
      ...(request.promptId === undefined ? {} : { prompt_id: request.promptId }),
      ...(request.front === undefined ? {} : { front: request.front }),
      ...(request.number === undefined ? {} : { number: request.number }),
      ...(request.partialExecutionTargets === undefined
        ? {}
        : { partial_execution_targets: request.partialExecutionTargets }),
      ...(workflow === undefined && extraData === undefined
        ? {}
        : { extra_data: { ...extraData, ...(workflow === undefined ? {} : { extra_pnginfo: { workflow } }) } }),
    };
    const sent = jsonRequest('/prompt', stringifyLossless(body), options);
    const answer = await this.#transport.fetchText(sent);
    if (answer.status === 400) {
      const refused = schemas.promptRefusedSchema.safeParse(tryJson(answer.text));
      if (refused.success) return { kind: 'rejected', error: refused.data.error, nodeErrors: refused.data.node_errors };
    }
    const queued = this.#read(sent, answer, schemas.promptAcceptedSchema);
    return { kind: 'queued', promptId: queued.prompt_id, number: queued.number, nodeErrors: queued.node_errors };
  }

  /** GET /prompt: prompts pending and running. The cheapest sign of life. */
  async queueRemaining(options: CallOptions = {}): Promise<number> {
    return (await this.#getJson('/prompt', schemas.execInfoSchema, options)).exec_info.queue_remaining;
  }

  /** GET /queue, pending ones in execution order (the server lists them in heap order). */
  async queue(
    options: CallOptions = {},
  ): Promise<{ readonly running: readonly schemas.QueueItem[]; readonly pending: readonly schemas.QueueItem[] }> {
    const queue = await this.#getJson('/queue', schemas.queueSchema, options);
    return { running: queue.queue_running, pending: sortPending(queue.queue_pending) };
  }

  /** Removes pending prompts; the running one and unknown ids are left alone, and nothing tells which was which. */
  async deleteFromQueue(promptIds: readonly string[], options: CallOptions = {}): Promise<void> {
    await this.#post('/queue', { delete: promptIds }, options);
  }

  /** Removes all pending prompts, of everybody. */
  async clearQueue(options: CallOptions = {}): Promise<void> {
    await this.#post('/queue', { clear: true }, options);
  }

  /** Stops this prompt if it is the running one. Servers older than 0.3.64 stop whatever runs: see versions.ts. */
  async interrupt(promptId: string, options: CallOptions = {}): Promise<void> {
    await this.#post('/interrupt', { prompt_id: promptId }, options);
  }

  /** Stops whatever runs now, whoever sent it. */
  async interruptCurrent(options: CallOptions = {}): Promise<void> {
    await this.#post('/interrupt', {}, options);
  }

  /** One finished prompt, or null: unknown, pending and running ones are all absent (comfyui.md 1.5). */
  async historyEntry(promptId: string, options: CallOptions = {}): Promise<schemas.HistoryEntry | null> {
    const path = `/history/${encodeURIComponent(promptId)}`;
    const history = await this.#getJson(path, schemas.historySchema, options);
    return Object.hasOwn(history, promptId) ? (history[promptId] ?? null) : null;
  }

  /** Finished prompts by id, oldest first. `offset` counts from the oldest; without it `maxItems` means the newest. */
  async history(
    query: { readonly maxItems?: number; readonly offset?: number } = {},
    options: CallOptions = {},
  ): Promise<Readonly<Record<string, schemas.HistoryEntry>>> {
    return this.#getJson('/history', schemas.historySchema, options, {
      max_items: query.maxItems?.toString(),
      offset: query.offset?.toString(),
    });
  }

  async deleteHistory(promptIds: readonly string[], options: CallOptions = {}): Promise<void> {
    await this.#post('/history', { delete: promptIds }, options);
  }

  async clearHistory(options: CallOptions = {}): Promise<void> {
    await this.#post('/history', { clear: true }, options);
  }

  /** GET /api/jobs, or null on servers before 0.8. */
  async jobs(query: JobsQuery = {}, options: CallOptions = {}): Promise<schemas.Jobs | null> {
    return this.#getOptional('/api/jobs', schemas.jobsSchema, options, {
      status: query.status?.join(','),
      workflow_id: query.workflowId,
      sort_by: query.sortBy,
      sort_order: query.sortOrder,
      limit: query.limit?.toString(),
      offset: query.offset?.toString(),
    });
  }

  /** One job in any state, or null: unknown, or a server before 0.8. */
  async job(promptId: string, options: CallOptions = {}): Promise<schemas.Job | null> {
    return this.#getOptional(`/api/jobs/${encodeURIComponent(promptId)}`, schemas.jobDetailsSchema, options);
  }

  /** GET /view as a stream, or null when the server has no such file or will not give it (400, 403, 404). */
  async view(request: ViewRequest): Promise<ViewedFile | null> {
    const { range } = request;
    const sent: TransportRequest = {
      ...callOptions(request),
      method: 'GET',
      path: '/view',
      query: {
        filename: request.filename,
        subfolder: request.subfolder ?? '',
        type: request.type ?? 'output',
        preview: request.preview,
        channel: request.channel,
      },
      ...(range === undefined ? {} : { headers: { range: `bytes=${range.start}-${range.end ?? ''}` } }),
    };
    const answer = await this.#transport.fetchStream(sent, [200, 206]);
    if (isStreamed(answer)) return viewedFile(answer);
    if (answer.status === 400 || answer.status === 403 || answer.status === 404) return null;
    throw statusFailure(answer, this.#transport.exchange(sent), this.#transport.clock.now());
  }

  /** POST /upload/image: any kind of file. Use the returned values; the server may have renamed it. */
  uploadImage(request: UploadRequest): Promise<StoredFile> {
    return this.#upload('/upload/image', request, {});
  }

  /** POST /upload/mask: the alpha of this picture replaces that of `original`. The result may not exist (comfyui.md 1.8). */
  uploadMask(request: UploadRequest, original: StoredFile): Promise<StoredFile> {
    const reference = { filename: original.name, subfolder: original.subfolder, type: original.type };
    return this.#upload('/upload/mask', request, { original_ref: JSON.stringify(reference) });
  }

  async #upload(path: string, request: UploadRequest, extra: Readonly<Record<string, string>>): Promise<StoredFile> {
    requireSafeFilename(request.filename);
    requireSafeSubfolder(request.subfolder ?? '');
    const { headers, body } = multipartBody(
      {
        type: request.type ?? 'input',
        ...(request.subfolder === undefined ? {} : { subfolder: request.subfolder }),
        ...(request.overwrite === true ? { overwrite: 'true' } : {}),
        ...extra,
      },
      { field: 'image', ...request },
    );
    const transferMs = Math.ceil((request.bytes / SLOWEST_UPLOAD_BYTES_PER_SECOND) * 1000);
    const sent: TransportRequest = {
      timeoutMs: this.#transport.requestTimeoutMs + transferMs,
      ...callOptions(request),
      method: 'POST',
      path,
      headers,
      body,
    };
    try {
      return this.#read(sent, await this.#transport.fetchText(sent), schemas.uploadedSchema);
    } finally {
      body.destroy();
    }
  }

  /** GET /object_info: every node class. Slow and large. Classes whose description makes no sense are left out. */
  async objectInfo(options: CallOptions = {}): Promise<NodeDefinitions> {
    return readNodeDefinitions(await this.#getJson('/object_info', schemas.jsonObjectSchema, options));
  }

  /** One node class; an empty result when the server does not have it. */
  async objectInfoOf(classType: string, options: CallOptions = {}): Promise<NodeDefinitions> {
    const path = `/object_info/${encodeURIComponent(classType)}`;
    return readNodeDefinitions(await this.#getJson(path, schemas.jsonObjectSchema, options));
  }

  systemStats(options: CallOptions = {}): Promise<schemas.SystemStats> {
    return this.#getJson('/system_stats', schemas.systemStatsSchema, options);
  }

  /** Null on servers before mid 2025. */
  features(options: CallOptions = {}): Promise<schemas.Features | null> {
    return this.#getOptional('/features', schemas.featuresSchema, options);
  }

  embeddings(options: CallOptions = {}): Promise<readonly string[]> {
    return this.#getJson('/embeddings', schemas.stringListSchema, options);
  }

  /** Keys of the model folders: `checkpoints`, `loras`, ... */
  models(options: CallOptions = {}): Promise<readonly string[]> {
    return this.#getJson('/models', schemas.stringListSchema, options);
  }

  /** Relative file names, or null when there is no such folder. */
  modelsIn(folder: string, options: CallOptions = {}): Promise<readonly string[] | null> {
    return this.#getOptional(`/models/${encodeURIComponent(folder)}`, schemas.stringListSchema, options);
  }

  /** The header metadata of a .safetensors file, or null. */
  modelMetadata(folder: string, filename: string, options: CallOptions = {}): Promise<Record<string, unknown> | null> {
    const path = `/view_metadata/${encodeURIComponent(folder)}`;
    return this.#getOptional(path, schemas.jsonObjectSchema, options, { filename });
  }

  /** Paths of the front end's extension scripts: tells which custom node packages are installed. */
  extensions(options: CallOptions = {}): Promise<readonly string[]> {
    return this.#getJson('/extensions', schemas.stringListSchema, options);
  }

  /** Applied between two prompts. `freeMemory` also empties the node cache. */
  async free(
    what: { readonly unloadModels?: boolean; readonly freeMemory?: boolean },
    options: CallOptions = {},
  ): Promise<void> {
    const body = { unload_models: what.unloadModels ?? false, free_memory: what.freeMemory ?? false };
    await this.#post('/free', body, options);
  }

  /** Files in a folder of the user's data (`workflows`), or null when there is no such folder. */
  async userFiles(directory: string, options: CallOptions = {}): Promise<readonly string[] | null> {
    const list = await this.#getOptional('/userdata', schemas.userFileListSchema, options, {
      dir: directory,
      recurse: 'true',
    });
    return list?.filter((name): name is string => typeof name === 'string') ?? null;
  }

  /** One user file as text, or null. */
  async userFile(path: string, options: CallOptions = {}): Promise<string | null> {
    const sent = getRequest(userDataPath(path), options);
    const answer = await this.#transport.fetchText(sent);
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw this.#refusal(sent, answer);
    return answer.text;
  }

  /** Stores a user file. False when it exists and `overwrite` is false. */
  async putUserFile(
    path: string,
    content: string,
    options: CallOptions & { readonly overwrite?: boolean } = {},
  ): Promise<boolean> {
    const sent: TransportRequest = {
      ...callOptions(options),
      method: 'POST',
      path: userDataPath(path),
      query: { overwrite: options.overwrite === false ? 'false' : 'true' },
      body: content,
    };
    const answer = await this.#transport.fetchText(sent);
    if (answer.status === 409) return false;
    if (answer.status >= 300) throw this.#refusal(sent, answer);
    return true;
  }

  async #getJson<T extends z.ZodType>(
    path: string,
    schema: T,
    options: CallOptions,
    query: TransportRequest['query'] = {},
  ): Promise<z.infer<T>> {
    const sent = getRequest(path, options, query);
    return this.#read(sent, await this.#transport.fetchText(sent), schema);
  }

  /** As `#getJson`, with null for 404: a route or an object that this server does not have. */
  async #getOptional<T extends z.ZodType>(
    path: string,
    schema: T,
    options: CallOptions,
    query: TransportRequest['query'] = {},
  ): Promise<z.infer<T> | null> {
    const sent = getRequest(path, options, query);
    const answer = await this.#transport.fetchText(sent);
    return answer.status === 404 ? null : this.#read(sent, answer, schema);
  }

  /** The control routes answer 200 with an empty body, whether or not anything matched. */
  async #post(path: string, body: unknown, options: CallOptions): Promise<void> {
    const sent = jsonRequest(path, JSON.stringify(body), options);
    const answer = await this.#transport.fetchText(sent);
    if (answer.status >= 300) throw this.#refusal(sent, answer);
  }

  #read<T extends z.ZodType>(sent: TransportRequest, answer: Answer, schema: T): z.infer<T> {
    if (answer.status >= 300) throw this.#refusal(sent, answer);
    const exchange = this.#transport.exchange(sent);
    const value = tryJson(answer.text);
    if (value === undefined) throw foreignAnswer(answer, exchange, 'not JSON');
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw foreignAnswer(answer, exchange, 'JSON of another shape');
    return parsed.data;
  }

  #refusal(sent: TransportRequest, answer: Answer) {
    return statusFailure(answer, this.#transport.exchange(sent), this.#transport.clock.now());
  }
}
