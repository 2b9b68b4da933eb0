import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Logger } from '../core/log.js';
import type { Db } from '../db/index.js';
import type { ObservedEvent } from './metrics.js';

/**
 * Spans by OpenTelemetry, from a request to each node of the graph:
 *
 *   POST /v1/…                    the request, under the caller's own trace where it sent a `traceparent`
 *     easel.attempt               from the claim to the end, on whichever node of the fleet ran it
 *       easel.node                each node of the graph that the backend told of
 *       easel.collect             copying the outputs
 *
 * Easel brings no SDK: whoever wants traces registers one (`node --import …`), and spans go where it sends them. Generations
 * carry the trace of their request in the event `queued`, so that it goes on in another process.
 */
export interface TracingOptions {
  readonly db: Db;
  readonly logger: Logger;
  /** The global one unless told. */
  readonly tracer?: Tracer;
}

interface OpenAttempt {
  readonly span: Span;
  readonly context: Context;
  child: { readonly span: Span; readonly nodeId: string | null } | null;
}

const ENDS = ['succeeded', 'failed', 'cancelled', 'expired', 'retrying'];
const MOST_OPEN = 10_000;

export class Tracing {
  readonly #options: TracingOptions;
  readonly #tracer: Tracer;
  readonly #open = new Map<string, Promise<OpenAttempt>>();

  constructor(options: TracingOptions) {
    this.#options = options;
    this.#tracer = options.tracer ?? trace.getTracer('easel');
  }

  /** Begins the span of a request. `headers` may name the trace that it belongs to. */
  startRequest(name: string, headers: Readonly<Record<string, unknown>>): Span {
    const parent = propagation.extract(ROOT_CONTEXT, headers);
    return this.#tracer.startSpan(name, { kind: SpanKind.SERVER }, parent);
  }

  /** What carries a span into another process (W3C Trace Context), or null when nobody registered a propagator. */
  carry(span: Span): string | null {
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(ROOT_CONTEXT, span), carrier);
    return carrier['traceparent'] ?? null;
  }

  /** Called for every event of a generation that this process makes. */
  observe(event: ObservedEvent): void {
    const { generationId } = event;
    if (event.type === 'started') {
      if (this.#open.size >= MOST_OPEN) this.#open.delete(this.#open.keys().next().value ?? '');
      this.#open.set(generationId, this.#startAttempt(event));
      return;
    }
    const open = this.#open.get(generationId);
    if (open === undefined) return;
    if (ENDS.includes(event.type)) this.#open.delete(generationId);
    // In order: each waits for what began the attempt, and promises keep their order.
    void open.then((attempt) => this.#follow(attempt, event));
  }

  async #startAttempt({ generationId, at, data }: ObservedEvent): Promise<OpenAttempt> {
    const facts = data as Readonly<Record<string, unknown>>;
    const parent = await this.#parentOf(generationId);
    const span = this.#tracer.startSpan(
      'easel.attempt',
      {
        kind: SpanKind.CONSUMER,
        startTime: at,
        attributes: {
          'easel.generation.id': generationId,
          'easel.attempt.id': String(facts['attemptId']),
          'easel.attempt.number': Number(facts['attempt']),
          'easel.backend.id': String(facts['backendId']),
        },
      },
      parent,
    );
    return { span, context: trace.setSpan(parent, span), child: null };
  }

  #follow(attempt: OpenAttempt, event: ObservedEvent): void {
    const data = (event.data ?? {}) as Readonly<Record<string, unknown>>;
    if (event.type === 'progress') {
      const nodeId = typeof data['nodeId'] === 'string' ? data['nodeId'] : null;
      if (nodeId === null || attempt.child?.nodeId === nodeId) return;
      const title = typeof data['nodeTitle'] === 'string' ? data['nodeTitle'] : '';
      this.#startChild(attempt, 'easel.node', event.at, nodeId, { 'easel.node.id': nodeId, 'easel.node.title': title });
    } else if (event.type === 'collecting') this.#startChild(attempt, 'easel.collect', event.at, null, {});
    else if (ENDS.includes(event.type)) {
      attempt.child?.span.end(event.at);
      const error = data['error'] as { readonly code?: string; readonly message?: string } | undefined;
      attempt.span.setAttribute('easel.outcome', event.type);
      if (error?.code !== undefined) attempt.span.setAttribute('easel.error.code', error.code);
      if (event.type !== 'succeeded')
        attempt.span.setStatus({ code: SpanStatusCode.ERROR, message: error?.code ?? event.type });
      attempt.span.end(event.at);
    }
  }

  #startChild(
    attempt: OpenAttempt,
    name: string,
    at: number,
    nodeId: string | null,
    attributes: Readonly<Record<string, string>>,
  ): void {
    attempt.child?.span.end(at);
    const span = this.#tracer.startSpan(name, { startTime: at, attributes }, attempt.context);
    attempt.child = { span, nodeId };
  }

  /** The trace of the request that submitted it; a trace of its own where there is none, or it cannot be read. */
  async #parentOf(generationId: string): Promise<Context> {
    try {
      const row = await this.#options.db.kysely
        .selectFrom('events')
        .select('data')
        .where('generation_id', '=', generationId)
        .where('seq', '=', 1)
        .executeTakeFirst();
      const { traceparent } = JSON.parse(row?.data ?? '{}') as { readonly traceparent?: unknown };
      return typeof traceparent === 'string' ? propagation.extract(ROOT_CONTEXT, { traceparent }) : ROOT_CONTEXT;
    } catch (error) {
      this.#options.logger.debug({ err: error, generation: generationId }, 'the trace of a request could not be read');
      return ROOT_CONTEXT;
    }
  }
}
