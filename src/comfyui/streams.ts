import { Readable } from 'node:stream';

/**
 * The same bytes with errors translated by `map`, and ended by `signal`. Destroying either side destroys the other, so an
 * abandoned download lets go of its connection.
 */
export function mapStreamErrors(
  source: Readable,
  signal: AbortSignal | undefined,
  map: (error: unknown) => Error,
): Readable {
  const target = new Readable({
    read() {
      source.resume();
    },
    destroy(error, callback) {
      signal?.removeEventListener('abort', onAbort);
      source.destroy();
      callback(error);
    },
  });
  const onAbort = () => target.destroy(map(signal?.reason));
  source.on('data', (chunk: Buffer) => {
    if (!target.push(chunk)) source.pause();
  });
  source.on('end', () => target.push(null));
  source.on('error', (error) => {
    if (!target.destroyed) target.destroy(map(error));
  });
  // Whoever reads it sees the error. A caller that has not begun to read must not be ended by an unheard error event.
  target.on('error', () => {});
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  return target;
}
