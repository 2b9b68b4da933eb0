import { buffer } from 'node:stream/consumers';
import { EaselError } from '../core/errors.js';
import type { MediaContext } from './context.js';
import { readFacts, writeFacts } from './facts.js';
import { inspectPicture, type MediaFacts, NO_FACTS } from './inspect.js';
import type { MediaFile } from './types.js';

/** What is known of a file's content. Outputs are looked at when somebody asks: nobody does for most of them. */
export async function factsOf(context: MediaContext, file: MediaFile): Promise<MediaFacts> {
  const { db, clock, store, settings, gate } = context;
  const known = await readFacts(db, file.hash);
  if (known !== null) return known;
  if (!file.contentType.startsWith('image/') || file.bytes > settings.maxImageBytes) return NO_FACTS;
  const facts = await gate.run(async () => {
    const { stream } = await store.open(file.hash);
    try {
      return await inspectPicture(await buffer(stream), file.contentType, settings);
    } catch (error) {
      // A backend may make what we would not take from a stranger; it is stored all the same, only without facts.
      if (error instanceof EaselError && error.httpStatus === 422) return NO_FACTS;
      throw error;
    }
  });
  await writeFacts(db, file.hash, facts, clock.now());
  return facts;
}
