import type { Readable } from 'node:stream';
import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import type { Db } from '../db/index.js';
import { type AttachedFile, addPending, type Media, type MediaStore } from '../media/index.js';

/** Takes in a file that comes with a request. `Media` does, and looks at it first. */
export type Intake = Pick<Media, 'attach'>;

export interface AttachOptions {
  readonly maxBytes: number;
  readonly declaredType?: string;
  readonly signal?: AbortSignal;
}

export interface PlainIntakeOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly media: MediaStore;
  /** Owner tag of staged files. */
  readonly owner: string;
}

/** Stores files as they come, of any kind and without a quota: for programs whose files are all their own. */
export function plainIntake({ db, clock, media, owner }: PlainIntakeOptions): Intake {
  return {
    async attach(accountId: string, source: Readable | Uint8Array, options = {}): Promise<AttachedFile> {
      const staged = await media.stage(source, { owner, ...options });
      try {
        const ids = await addPending({ db, clock }, { accountId, attemptId: null, files: [staged] });
        await media.commit(staged);
        const { hash, bytes, contentType } = staged;
        const mediaId = ids.get(hash);
        if (mediaId === undefined) throw new EaselError('internal', 'A stored upload has no row.');
        return { mediaId, hash, bytes, contentType };
      } catch (error) {
        await media.discard(staged);
        throw error;
      }
    },
  };
}
