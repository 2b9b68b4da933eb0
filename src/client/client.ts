import createClient, { type Client } from 'openapi-fetch';
import type { paths } from './api-types.js';
import { EaselApiError } from './errors.js';
import { readServerEvents } from './event-stream.js';
import { toJson } from './json.js';
import { backoffMs, pause, Transport, type TransportOptions } from './transport.js';
import type { AnyWorkflows, Generation, GenerationEvent, MediaInput, Output, WorkflowTypes } from './types.js';
import { verifyWebhook } from './webhooks.js';

export type EaselClientOptions = TransportOptions;

export interface SubmitOptions {
  /** A label, number or hash of a version; the newest unless told. */
  readonly version?: string;
  readonly lane?: 'interactive' | 'batch';
  /** What it is for: says which points may be spent. */
  readonly context?: string;
  /** Only this backend may run it. */
  readonly backendId?: string;
  /** Comes back with the generation, as it is. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The same key again returns the same generation. One is made unless told, so that a lost answer is no second run. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface RunOptions extends SubmitOptions {
  /** Called with every event, progress and previews included. */
  readonly onEvent?: (event: GenerationEvent) => void;
  /** Asks for previews among the events. */
  readonly previews?: boolean;
}

export interface StreamOptions {
  /** Events after this number only. */
  readonly after?: number;
  readonly previews?: boolean;
  readonly signal?: AbortSignal;
}

const ENDS: readonly string[] = ['succeeded', 'failed', 'cancelled', 'expired'];
/** Of one request; the server holds an answer back at most so long. */
const WAIT_SECONDS = 60;
/** An answer that was held back for so short a time was not held back. */
const QUICK_MS = 1_000;
/** Four heartbeats of the server. */
const IDLE_MS = 60_000;

/**
 * Easel for programs, in Node and in browsers. `EaselClient<MyWorkflows>` with the types of `easel types` knows the
 * workflows of your Easel.
 *
 *   const easel = new EaselClient({ baseUrl: 'http://127.0.0.1:8288', key });
 *   const generation = await easel.run('portrait', { prompt: 'a lighthouse', seed: 7n });
 *   const picture = await easel.fetchOutput(generation);
 *
 * Errors are EaselApiError. Requests that may be repeated are tried again by themselves, submits included: they carry an
 * idempotency key.
 */
export class EaselClient<Workflows extends WorkflowTypes = AnyWorkflows> {
  /** Every route, with its types, for what this class has no method for. It does not repeat requests. */
  readonly api: Client<paths>;
  /** For receivers of webhooks. */
  readonly webhooks = { verify: verifyWebhook };
  readonly #transport: Transport;

  constructor(options: EaselClientOptions) {
    this.#transport = new Transport(options);
    const { baseUrl, key, account, fetch: send } = options;
    this.api = createClient<paths>({
      baseUrl,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(account === undefined ? {} : { 'easel-account': account }),
      },
      bodySerializer: toJson,
      ...(send === undefined ? {} : { fetch: (request: Request) => send(request) }),
    });
  }

  /** Submits and waits for success. Throws EaselApiError with the code of the generation when it ends otherwise. */
  async run<Name extends keyof Workflows & string>(
    workflow: Name,
    inputs: Workflows[Name]['inputs'],
    options: RunOptions = {},
  ): Promise<Generation> {
    const submitted = await this.submit(workflow, inputs, options);
    const { onEvent, previews = false, signal } = options;
    if (onEvent !== undefined && !submitted.ended) {
      const stream = this.stream(submitted.id, { previews, ...(signal === undefined ? {} : { signal }) });
      for await (const event of stream) onEvent(event);
    }
    return expectSuccess(await this.wait(submitted.id, signal === undefined ? {} : { signal }));
  }

  /** Returns as soon as it is accepted. */
  submit<Name extends keyof Workflows & string>(
    workflow: Name,
    inputs: Workflows[Name]['inputs'],
    options: SubmitOptions = {},
  ): Promise<Generation> {
    return this.#submit(`/v1/workflows/${encodeURIComponent(workflow)}/generations`, { inputs }, options);
  }

  /** Runs a graph (API format) that is no registered workflow; the key needs the scope `workflows:raw`. */
  submitGraph(graph: object, options: Omit<SubmitOptions, 'version' | 'context'> = {}): Promise<Generation> {
    return this.#submit('/v1/generations', { graph }, options);
  }

  /** As it is now. */
  async get(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<Generation> {
    return this.#json({ method: 'GET', path: `/v1/generations/${id}`, repeatable: true, ...options });
  }

  /** Until it has ended, however long that takes; `signal` ends the waiting and not the generation. */
  async wait(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<Generation> {
    for (;;) {
      const askedAt = Date.now();
      const generation = await this.#json<Generation>({
        method: 'GET',
        path: `/v1/generations/${id}`,
        headers: { prefer: `wait=${WAIT_SECONDS}` },
        repeatable: true,
        ...options,
      });
      if (generation.ended) return generation;
      // Something in between does not let the server hold its answer back.
      if (Date.now() - askedAt < QUICK_MS) await pause(QUICK_MS, options.signal);
    }
  }

  /** What happens to it, until its end. A connection that breaks is made anew, and no durable event is missed or repeated. */
  async *stream(id: string, options: StreamOptions = {}): AsyncGenerator<GenerationEvent, void, undefined> {
    const { previews = false, signal } = options;
    let after = options.after ?? 0;
    for (let emptyTries = 1; ; emptyTries += 1) {
      const response = await this.#transport.open({
        method: 'GET',
        path: `/v1/generations/${id}/events`,
        query: { after, previews: previews ? 'true' : undefined },
        headers: { accept: 'text/event-stream' },
        repeatable: true,
        ...(signal === undefined ? {} : { signal }),
      });
      if (response.status === 204 || response.body === null) return;
      requireEventStream(response);
      try {
        for await (const { data } of readServerEvents(response.body, { idleMs: IDLE_MS })) {
          emptyTries = 0;
          const event = data as GenerationEvent;
          after = event.seq ?? after;
          yield event;
          if (ENDS.includes(event.type)) return;
        }
      } catch (error) {
        signal?.throwIfAborted();
        // Broken off; connect anew after what was seen.
        if (error instanceof EaselApiError) throw error;
      }
      await pause(backoffMs(emptyTries), signal);
    }
  }

  /** Asks for its end. A success that comes first stays one. */
  cancel(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<Generation> {
    return this.#json({ method: 'POST', path: `/v1/generations/${id}/cancel`, repeatable: true, ...options });
  }

  /** Stores a file for an input: `{ image: await easel.upload(file) }`. */
  async upload(
    file: Blob | Uint8Array | ArrayBuffer,
    options: { readonly type?: string; readonly signal?: AbortSignal } = {},
  ): Promise<MediaInput> {
    const { type, signal } = options;
    const body = file instanceof Blob ? file : new Blob([file as Uint8Array<ArrayBuffer>]);
    const stored = await this.#json<{ media_id?: string; id?: string }>({
      method: 'POST',
      path: '/v1/media',
      headers: { 'content-type': type ?? (body.type || 'application/octet-stream') },
      body,
      // A file that was stored twice is one file.
      repeatable: true,
      fileBytes: body.size,
      ...(signal === undefined ? {} : { signal }),
    });
    return { media_id: stored.media_id ?? stored.id ?? '' };
  }

  /** The bytes of an output; the first unless told. */
  async fetchOutput(
    generation: Pick<Generation, 'id' | 'outputs'>,
    options: { readonly ordinal?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Blob> {
    const output = outputOf(generation, options.ordinal ?? 0);
    const call = { method: 'GET', path: output.url, repeatable: true, fileBytes: output.bytes };
    return this.#transport.call(
      { ...call, ...(options.signal === undefined ? {} : { signal: options.signal }) },
      (response) => response.blob(),
    );
  }

  #submit(path: string, content: object, options: Omit<SubmitOptions, 'signal'> & { readonly signal?: AbortSignal }) {
    const { version, lane, context, backendId, metadata, signal } = options;
    const body = { ...content, version, lane, context, backend_id: backendId, metadata };
    return this.#json<Generation>({
      method: 'POST',
      path,
      headers: {
        'content-type': 'application/json',
        'idempotency-key': options.idempotencyKey ?? crypto.randomUUID(),
      },
      body: toJson(body),
      repeatable: true,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #json<T>(call: Parameters<Transport['call']>[0]): Promise<T> {
    return this.#transport.call(call, (response) => response.json() as Promise<T>);
  }
}

/** A page of a proxy would otherwise be read for events for ever. */
function requireEventStream(response: Response): void {
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/event-stream')) return;
  void response.body?.cancel().catch(() => {});
  throw new EaselApiError(`Events were asked for, and ${type === '' ? 'something without a type' : type} came.`, {
    code: 'network',
    status: response.status,
    hint: 'Is there a proxy between this program and Easel that answers by itself?',
  });
}

function outputOf(generation: Pick<Generation, 'id' | 'outputs'>, ordinal: number): Output {
  const output = generation.outputs.find((each) => each.ordinal === ordinal);
  if (output !== undefined) return output;
  throw new EaselApiError(`Generation ${generation.id} has no output ${ordinal}.`, { code: 'not_found', status: 404 });
}

function expectSuccess(generation: Generation): Generation {
  if (generation.status === 'succeeded') return generation;
  const { error } = generation;
  throw new EaselApiError(error?.message ?? `The generation ${generation.status}.`, {
    code: error?.code ?? generation.status,
    status: 200,
    hint: error?.hint ?? '',
    retryable: error?.retryable ?? false,
    details: error?.details,
  });
}
