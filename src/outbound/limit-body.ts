import { type Readable, Transform } from 'node:stream';
import { tooLarge } from './faults.js';

/** The same bytes, at most so many, with errors translated. Whichever side is destroyed takes the other along. */
export function limitBody(
  source: Readable,
  options: {
    readonly maxBytes: number;
    readonly mapError: (error: unknown) => Error;
    readonly onClose: () => void;
  },
): Readable {
  let bytes = 0;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      bytes += chunk.length;
      if (bytes > options.maxBytes) callback(tooLarge(options.maxBytes));
      else callback(null, chunk);
    },
  });
  source.on('error', (error) => limited.destroy(options.mapError(error)));
  limited.on('close', () => {
    source.destroy();
    options.onClose();
  });
  // The reader sees the error; one who has not begun to read must not be ended by an event that nobody hears.
  limited.on('error', () => {});
  source.pipe(limited);
  return limited;
}
