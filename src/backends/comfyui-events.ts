import { type ComfyUiFrame, type ComfyUiSocketEvent, EXECUTION_BLOCKED } from '../comfyui/index.js';
import type { AttemptBook, KnownAttempt } from './comfyui-attempts.js';
import type { BackendEvent } from './spec.js';

/**
 * From the frames of one socket to the events of our attempts (comfyui.md 2.3 to 2.6).
 *
 * Everything is filtered by prompt id: a neighbour's anonymous prompt is broadcast to every socket. Frames that carry no
 * prompt id belong to the one prompt that runs, so they count only while that is one of ours.
 */
export class ComfyUiEvents {
  readonly #attempts: AttemptBook;
  readonly #emit: (event: BackendEvent) => void;
  #clientId = '';
  #running: KnownAttempt | null = null;

  constructor(attempts: AttemptBook, emit: (event: BackendEvent) => void) {
    this.#attempts = attempts;
    this.#emit = emit;
  }

  handle(event: ComfyUiSocketEvent): void {
    switch (event.type) {
      case 'connected':
        this.#clientId = event.clientId;
        this.#running = null;
        // Prompts that were sent before the first connection have been running unheard, as after a lost one.
        this.#emit({ type: 'connected', first: event.first && !this.#attempts.hasOpen });
        return;
      case 'disconnected':
        this.#running = null;
        this.#emit({ type: 'disconnected', reason: event.reason });
        return;
      case 'frame':
        this.#onFrame(event.frame);
    }
  }

  #onFrame(frame: ComfyUiFrame): void {
    if (frame.type === 'status') {
      this.#onStatus(frame.queueRemaining);
      return;
    }
    if (frame.type === 'preview') {
      this.#onPreview(frame);
      return;
    }
    if (frame.type === 'feature_flags' || frame.type === 'text' || frame.promptId === null) return;
    const attempt = this.#attempts.get(frame.promptId);
    if (attempt === undefined) return;
    attempt.confirmed = true;
    this.#onRunFrame(frame, attempt);
  }

  #onRunFrame(
    frame: Exclude<ComfyUiFrame, { type: 'status' | 'preview' | 'feature_flags' | 'text' }>,
    attempt: KnownAttempt,
  ): void {
    const attemptId = attempt.id;
    switch (frame.type) {
      case 'execution_start':
        this.#running = attempt;
        this.#emit({ type: 'started', attemptId });
        return;
      case 'execution_cached':
        this.#emit({ type: 'cached', attemptId, nodeIds: frame.nodeIds });
        return;
      case 'executing':
        if (frame.nodeId === null) this.#onEnd(attempt);
        else this.#onNode(attempt, frame.nodeId, frame.displayNodeId ?? frame.nodeId);
        return;
      case 'executed':
        this.#onNodeDone(attempt, frame.displayNodeId);
        return;
      case 'progress':
        this.#onProgress(attempt, frame.nodeId, frame.value, frame.max);
        return;
      case 'progress_state':
        for (const node of frame.nodes) {
          attempt.displayNodeIds.set(node.nodeId, node.displayNodeId);
          // An inner node of an expansion ends before the node that it is shown as.
          if (node.state === 'finished' && node.nodeId === node.displayNodeId) this.#onNodeDone(attempt, node.nodeId);
        }
        return;
      case 'execution_error':
        if (frame.exceptionType === EXECUTION_BLOCKED)
          this.#emit({ type: 'warning', attemptId, nodeId: frame.nodeId, message: frame.exceptionMessage });
        return;
      case 'execution_success':
      case 'execution_interrupted':
        // Too early to look: the history is written between these and `executing` with no node (comfyui.md 2.5).
        return;
    }
  }

  /**
   * The queue changed. Prompts that were sent under an earlier client id are not heard on this connection, but every
   * run that ends changes the queue, and that is told to all: so look whether it was one of those.
   */
  #onStatus(remaining: number | null): void {
    if (remaining !== null) this.#emit({ type: 'queue', remaining });
    for (const attempt of this.#attempts.unheard(this.#clientId))
      if (attempt.confirmed) this.#emit({ type: 'ended', attemptId: attempt.id });
  }

  #onPreview(frame: Extract<ComfyUiFrame, { type: 'preview' }>): void {
    const attempt = frame.promptId === null ? this.#running : this.#attempts.get(frame.promptId);
    if (attempt == null) return;
    this.#emit({
      type: 'preview',
      attemptId: attempt.id,
      nodeId: frame.nodeId ?? attempt.currentNodeId,
      contentType: frame.contentType,
      bytes: frame.bytes,
    });
  }

  #onNode(attempt: KnownAttempt, executionId: string, nodeId: string): void {
    attempt.displayNodeIds.set(executionId, nodeId);
    attempt.currentNodeId = nodeId;
    this.#emit({ type: 'node', attemptId: attempt.id, nodeId });
  }

  #onNodeDone(attempt: KnownAttempt, nodeId: string): void {
    if (attempt.doneNodeIds.has(nodeId)) return;
    attempt.doneNodeIds.add(nodeId);
    this.#emit({ type: 'node-done', attemptId: attempt.id, nodeId });
  }

  #onProgress(attempt: KnownAttempt, executionId: string | null, value: number, max: number): void {
    const nodeId =
      executionId === null ? attempt.currentNodeId : (attempt.displayNodeIds.get(executionId) ?? executionId);
    if (nodeId !== null) this.#emit({ type: 'progress', attemptId: attempt.id, nodeId, value, max });
  }

  #onEnd(attempt: KnownAttempt): void {
    attempt.ended = true;
    if (this.#running === attempt) this.#running = null;
    this.#emit({ type: 'ended', attemptId: attempt.id });
  }
}
