import type { Backend, CallOptions, LookOptions, SubmitRequest, UploadFile } from '../backends/spec.js';

/**
 * A backend as its owner may use it: whatever changes something there is preceded by a proof that this node still owns it.
 *
 * Reading needs no proof. But a node that was paused past its lease wakes up believing that a deadline has passed, and
 * would cancel a run that its successor follows, or send a prompt that its successor has given up.
 */
export type OwnedBackend = Pick<Backend, 'find' | 'openOutput' | 'onEvent' | 'submit' | 'cancel' | 'upload'> & {
  readonly id: string;
};

/** `prove` rejects with `lease_lost`. */
export function ownedBackend(backend: Backend, prove: () => Promise<void>): OwnedBackend {
  return {
    id: backend.id,
    find: (attemptId, options) => backend.find(attemptId, options),
    openOutput: (output, options) => backend.openOutput(output, options),
    onEvent: (listener) => backend.onEvent(listener),
    async submit(request: SubmitRequest) {
      await prove();
      return backend.submit(request);
    },
    async cancel(attemptId: string, options?: LookOptions) {
      await prove();
      return backend.cancel(attemptId, options);
    },
    async upload(file: UploadFile, options?: CallOptions) {
      await prove();
      return backend.upload(file, options);
    },
  };
}
