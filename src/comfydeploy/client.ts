import type { Readable } from 'node:stream';
import type { z } from 'zod';
import {
  type Answer,
  type CallOptions,
  foreignAnswer,
  HttpTransport,
  multipartBody,
  requireSafeFilename,
  safeContentType,
  type TlsOptions,
  type TransportOptions,
  type TransportRequest,
} from '../comfyui/index.js';
import type { Clock } from '../core/clock.js';
import { BackendError, EaselError } from '../core/errors.js';
import { parseLossless, stringifyLossless } from '../core/json.js';
import type { Logger } from '../core/log.js';
import { definedOnly } from '../core/objects.js';
import { ADDRESS_HINT, problemText, refusal } from './failures.js';
import { type FetchLike, type FileRules, fetchFile, type OpenedFile, putFile } from './files.js';
import * as schemas from './schemas.js';

/**
 * The routes of ComfyDeploy that Easel needs, in both generations of its API (comfydeploy.md). Each call is one try. All
 * throw BackendError; everything that comes back is parsed.
 *
 * - current  https://api.comfydeploy.com/api
 * - legacy   https://www.comfydeploy.com/api: no cancel, no list of runs, presigned uploads of pictures only
 */
export type ComfyDeployApi = 'current' | 'legacy';

const COMFYDEPLOY_URL = 'https://api.comfydeploy.com/api';

export interface ComfyDeployClientOptions {
  /** `COMFYDEPLOY_URL` unless told. With or without `/api` on hosts of comfydeploy.com. */
  readonly baseUrl?: string | URL;
  readonly apiKey: string;
  /** Unless told: `legacy` for the legacy host, `current` for every other one. */
  readonly api?: ComfyDeployApi;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: TlsOptions;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Reads and stores files elsewhere; it must refuse targets that are not safe. Without it none is read, nor stored by legacy. */
  readonly fetch?: FetchLike;
  /** Hosts that those files may come from and go to; any that `fetch` lets through when empty. */
  readonly fileHosts?: readonly string[];
  /** Takes and stores files over plain http; unless told, where the API itself is plain http: a server of one's own. */
  readonly allowHttpFiles?: boolean;
  readonly http?: Pick<TransportOptions, 'requestTimeoutMs' | 'connectTimeoutMs' | 'maxResponseBytes' | 'dispatcher'>;
}

export interface QueueRunRequest {
  readonly deploymentId: string;
  /** Text, numbers, booleans, lists of them. Null and nested objects are refused by the server. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Called on every change of the status. */
  readonly webhook?: string;
}

export interface UploadInputRequest extends CallOptions {
  /** Its extension decides the type: the server does not look at the content type. */
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly stream: Readable;
}

/** comfydeploy.md 5.1, 5.2. */
const MAX_UPLOAD_BYTES: Readonly<Record<ComfyDeployApi, number>> = {
  current: 250 * 1024 ** 2,
  legacy: 50 * 1024 ** 2,
};
const SLOWEST_UPLOAD_BYTES_PER_SECOND = 128 * 1024;
const COMFYDEPLOY = { name: 'ComfyDeploy', hint: ADDRESS_HINT };

export class ComfyDeployClient {
  readonly api: ComfyDeployApi;
  readonly maxUploadBytes: number;
  readonly #transport: HttpTransport;
  readonly #files: FileRules;

  constructor(options: ComfyDeployClientOptions) {
    const { apiKey, headers, tls, clock, logger, http } = options;
    const baseUrl = baseUrlOf(options.baseUrl ?? COMFYDEPLOY_URL);
    refuseOtherCredentials(baseUrl, headers ?? {});
    this.api = options.api ?? (baseUrl.hostname === 'www.comfydeploy.com' ? 'legacy' : 'current');
    this.maxUploadBytes = MAX_UPLOAD_BYTES[this.api];
    this.#transport = new HttpTransport({
      baseUrl,
      auth: { type: 'bearer', token: apiKey },
      ...http,
      ...definedOnly({ headers, tls, clock, logger }),
    });
    this.#files = {
      fetch: options.fetch ?? refuseFiles,
      hosts: options.fileHosts ?? [],
      allowHttp: options.allowHttpFiles ?? this.displayUrl.startsWith('http:'),
    };
  }

  /** Origin and base path. */
  get displayUrl(): string {
    return this.#transport.connection.displayUrl;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Starts a run and returns its id. A try that fails may leave a visible failed run there (comfydeploy.md 2.3). */
  async queueRun(request: QueueRunRequest, options: CallOptions = {}): Promise<string> {
    const path = this.api === 'legacy' ? '/run' : '/run/deployment/queue';
    const body = {
      deployment_id: request.deploymentId,
      inputs: request.inputs,
      ...(request.webhook === undefined ? {} : { webhook: request.webhook }),
    };
    return (await this.#post(path, body, schemas.queuedSchema, options)).run_id;
  }

  /** Null when there is no such run, or not for this key. `withPosition`: also where it waits, which costs the server more. */
  async run(
    runId: string,
    options: CallOptions & { readonly withPosition?: boolean } = {},
  ): Promise<schemas.Run | null> {
    const sent = this.#get(
      this.api === 'legacy' ? '/run' : `/run/${encodeURIComponent(runId)}`,
      options,
      this.api === 'legacy'
        ? { run_id: runId }
        : { queue_position: options.withPosition === true ? 'true' : undefined },
    );
    const answer = await this.#transport.fetchText(sent);
    if (isUnknownRun(answer, this.api)) return null;
    return this.#read(sent, answer, schemas.runSchema);
  }

  /** The runs of a deployment, newest first as far as anybody promises; null where the API has no such list. */
  async runsOf(deploymentId: string, options: CallOptions = {}): Promise<readonly schemas.RunRow[] | null> {
    if (this.api === 'legacy') return null;
    const sent = this.#get(`/deployment/${encodeURIComponent(deploymentId)}/runs`, options);
    const answer = await this.#transport.fetchText(sent);
    if (answer.status === 404 || answer.status === 405) return null;
    return this.#read(sent, answer, schemas.runRowsSchema);
  }

  /**
   * Asks to stop a run. False when the server cannot: it answers 500 for every reason, among them machines that do not
   * support it and runs that were handed over a moment ago (comfydeploy.md 3.4). A run that has ended stays as it is.
   */
  async cancel(runId: string, options: CallOptions = {}): Promise<boolean> {
    if (this.api === 'legacy') return false;
    const sent = this.#send('POST', `/run/${encodeURIComponent(runId)}/cancel`, options);
    const answer = await this.#transport.fetchText(sent);
    if (answer.status < 300) return true;
    if (answer.status === 500 && /cancel/i.test(problemText(answer))) return false;
    throw this.#refusal(sent, answer);
  }

  /** Stores an input file and returns the URL to give as an input value. It may be valid for an hour only. */
  async upload(file: UploadInputRequest): Promise<string> {
    requireSafeFilename(file.filename);
    const timeoutMs =
      file.timeoutMs ??
      this.#transport.requestTimeoutMs + Math.ceil((file.bytes / SLOWEST_UPLOAD_BYTES_PER_SECOND) * 1000);
    return this.api === 'legacy' ? this.#uploadPresigned(file, timeoutMs) : this.#uploadForm(file, timeoutMs);
  }

  /** A file that a run shows, by its URL. Null when the URL is refused by its host: it has expired, or never worked. */
  openFile(url: string, options: CallOptions = {}): Promise<OpenedFile | null> {
    return fetchFile(this.#files, url, options);
  }

  /** All deployments: those with an image of their own and those without are two separate lists (comfydeploy.md 7.1). */
  async deployments(options: CallOptions = {}): Promise<readonly schemas.Deployment[]> {
    const lists = await Promise.all(
      ['false', 'true'].map((fluid) =>
        this.#getJson('/deployments', schemas.deploymentsSchema, options, { is_fluid: fluid }),
      ),
    );
    return [...new Map(lists.flat().map((deployment) => [deployment.id, deployment])).values()];
  }

  /** Null when there is none of that id for this key. */
  async deployment(id: string, options: CallOptions = {}): Promise<schemas.Deployment | null> {
    const sent = this.#get(`/deployment/${encodeURIComponent(id)}`, options);
    const answer = await this.#transport.fetchText(sent);
    return answer.status === 404 ? null : this.#read(sent, answer, schemas.deploymentSchema);
  }

  /** The stored workflow of a deployment's `workflow_version_id`, with every digit; null when there is none. */
  async workflowVersion(id: string, options: CallOptions = {}): Promise<schemas.WorkflowVersion | null> {
    const sent = this.#get(`/workflow-version/${encodeURIComponent(id)}`, options);
    const answer = await this.#transport.fetchText(sent);
    return answer.status === 404 ? null : this.#read(sent, answer, schemas.workflowVersionSchema);
  }

  /** One cheap request that needs the key. */
  async probe(options: CallOptions = {}): Promise<void> {
    if (this.api === 'legacy') {
      // The legacy API has no list; reading a run that cannot exist shows that the API and the key are right.
      await this.run('00000000-0000-4000-8000-000000000000', options);
      return;
    }
    await this.#getJson('/deployments', schemas.deploymentsSchema, options, { is_fluid: 'false', page_size: '1' });
  }

  async #uploadForm(file: UploadInputRequest, timeoutMs: number): Promise<string> {
    const { headers, body } = multipartBody({}, { field: 'file', ...file });
    const sent: TransportRequest = {
      ...signalOf(file),
      timeoutMs,
      method: 'POST',
      path: '/file/upload',
      headers,
      body,
    };
    try {
      return this.#read(sent, await this.#transport.fetchText(sent), schemas.uploadedSchema).file_url;
    } finally {
      body.destroy();
    }
  }

  async #uploadPresigned(file: UploadInputRequest, timeoutMs: number): Promise<string> {
    const type = safeContentType(file.contentType);
    try {
      if (!/^image\/(png|jpe?g)$/.test(type))
        throw new BackendError(
          'backend_rejected_graph',
          `The legacy API of ComfyDeploy takes PNG and JPEG, not ${type}.`,
        );
      const link = await this.#getJson(
        '/upload-url',
        schemas.presignedSchema,
        { ...signalOf(file) },
        {
          type,
          file_size: String(file.bytes),
        },
      );
      const { clock } = this.#transport;
      const sent = { contentType: type, bytes: file.bytes, stream: file.stream };
      await putFile(this.#files, link.upload_url, sent, { ...signalOf(file), clock, timeoutMs });
      return link.download_url;
    } finally {
      file.stream.destroy();
    }
  }

  #get(path: string, options: CallOptions, query: TransportRequest['query'] = {}): TransportRequest {
    return { ...callOptions(options), method: 'GET', path, query };
  }

  #send(method: 'POST', path: string, options: CallOptions, body?: string): TransportRequest {
    return {
      ...callOptions(options),
      method,
      path,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    };
  }

  async #post<T extends z.ZodType>(path: string, body: unknown, schema: T, options: CallOptions): Promise<z.infer<T>> {
    const sent = this.#send('POST', path, options, stringifyLossless(body));
    return this.#read(sent, await this.#transport.fetchText(sent), schema);
  }

  async #getJson<T extends z.ZodType>(
    path: string,
    schema: T,
    options: CallOptions,
    query: TransportRequest['query'] = {},
  ): Promise<z.infer<T>> {
    const sent = this.#get(path, options, query);
    return this.#read(sent, await this.#transport.fetchText(sent), schema);
  }

  #read<T extends z.ZodType>(sent: TransportRequest, answer: Answer, schema: T): z.infer<T> {
    if (answer.status >= 300) throw this.#refusal(sent, answer);
    const exchange = this.#transport.exchange(sent);
    let value: unknown;
    try {
      value = parseLossless(answer.text);
    } catch {
      throw foreignAnswer(answer, exchange, 'not JSON', COMFYDEPLOY);
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw foreignAnswer(answer, exchange, 'JSON of another shape', COMFYDEPLOY);
    return parsed.data;
  }

  #refusal(sent: TransportRequest, answer: Answer): BackendError {
    return refusal(answer, this.#transport.exchange(sent), this.#transport.clock.now());
  }
}

/**
 * 404, "not yours", no UUID (comfydeploy.md 3.1); of the legacy API 400, which says "Workflow not found" (9). Nothing that a
 * proxy, or a key that lost its rights, could mean as well: a run that counts as unknown is sent again, and runs twice.
 */
function isUnknownRun(answer: Answer, api: ComfyDeployApi): boolean {
  const reason = problemText(answer);
  switch (answer.status) {
    case 422:
      return true;
    case 404:
      return /^run not found$/i.test(reason);
    case 403:
      return /^access denied$/i.test(reason);
    case 400:
      return api === 'legacy' && /not found/i.test(reason);
    default:
      return false;
  }
}

function refuseFiles(url: string): Promise<never> {
  const { host } = new URL(url);
  const message = `This client reads no files from ${host} and stores none there: it has no \`fetch\`.`;
  return Promise.reject(new BackendError('outbound_forbidden', message));
}

function baseUrlOf(value: string | URL): URL {
  if (!URL.canParse(String(value)))
    throw new EaselError('config_invalid', 'The URL of ComfyDeploy must be an absolute http or https URL.');
  const url = new URL(value);
  if (/(^|\.)comfydeploy\.com$/.test(url.hostname) && url.pathname.replace(/\/+$/, '') === '') url.pathname = '/api';
  return url;
}

/** The server prefers a `__session` cookie, then the query, to the key in the header (comfydeploy.md 1): both would win. */
function refuseOtherCredentials(url: URL, headers: Readonly<Record<string, string>>): void {
  const cookie = Object.entries(headers).find(([name]) => name.toLowerCase() === 'cookie')?.[1] ?? '';
  if (!url.searchParams.has('cd_token') && !cookie.includes('__session')) return;
  throw new EaselError(
    'config_invalid',
    'A ComfyDeploy backend has a second credential that would override its API key.',
    {
      hint: 'Remove `cd_token` from the URL and the `__session` cookie from `headers`.',
    },
  );
}

function callOptions({ signal, timeoutMs }: CallOptions): CallOptions {
  return { ...(signal === undefined ? {} : { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

function signalOf({ signal }: CallOptions): CallOptions {
  return signal === undefined ? {} : { signal };
}
