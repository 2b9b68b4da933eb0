import type { Dispatcher } from 'undici';

/**
 * Tells whether a request was handed to a connected socket. undici calls `onRequestStart` right before it writes the
 * request head, which no error code reveals: a reset while connecting and a reset while waiting for the answer look the
 * same, and only the second may have been accepted.
 */
export interface SentMark {
  sent: boolean;
  readonly signal: AbortSignal;
}

type Controller = Dispatcher.DispatchController;
type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

/** A dispatch interceptor. The mark travels in the request's `opaque`. */
export const markWhenSent: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const mark = (options as { opaque?: SentMark }).opaque;
  return dispatch(options, mark === undefined ? handler : new MarkingHandler(handler, mark));
};

class MarkingHandler implements Dispatcher.DispatchHandler {
  readonly #inner: Dispatcher.DispatchHandler;
  readonly #mark: SentMark;

  constructor(inner: Dispatcher.DispatchHandler, mark: SentMark) {
    this.#inner = inner;
    this.#mark = mark;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    // An aborted request gets this far and is then dropped by undici, unsent.
    if (!this.#mark.signal.aborted) this.#mark.sent = true;
    this.#inner.onRequestStart?.(controller, context);
  }

  onResponseStart(controller: Controller, statusCode: number, headers: Headers, statusMessage?: string): void {
    this.#inner.onResponseStart?.(controller, statusCode, headers, statusMessage);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#inner.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Controller, trailers: Headers): void {
    this.#inner.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#inner.onResponseError?.(controller, error);
  }
}
