import { buffer } from 'node:stream/consumers';
import { EaselError, StorageError } from '../core/errors.js';
import type { MediaContext } from './context.js';
import { grabFrame } from './frames.js';
import { maxPixels } from './limits.js';
import { completeRecipe, type Recipe, type RecipeInput, recipeKey } from './recipe.js';
import { isOwned, REMOVAL_MS, withObjects } from './references.js';
import { type Rendered, renderPicture } from './render.js';
import type { StagedMedia } from './store.js';
import type { DerivedFile } from './types.js';

/** What something is derived from. */
export interface DeriveSource {
  readonly hash: string;
  readonly bytes: number;
  readonly contentType: string;
}

/** So often is noted that a derived file is still asked for; every time would be a write per read. */
const NOTE_USE_MS = 60 * 60_000;

/** Makes files from stored pictures and videos, each once: kept by the hash of the source and the recipe. */
export class Deriver {
  readonly #context: MediaContext;
  /** What is being made at the moment, so that many who ask at once wait for one. */
  readonly #underWay = new Map<string, Promise<DerivedFile>>();

  constructor(context: MediaContext) {
    this.#context = context;
  }

  /** Throws `request_invalid` (recipe), `media_underivable`, `media_tool_missing`, `media_invalid`, `media_too_complex`. */
  async derive(source: DeriveSource, input: RecipeInput): Promise<DerivedFile> {
    const isVideo = source.contentType.startsWith('video/');
    if (!isVideo && !source.contentType.startsWith('image/'))
      throw new EaselError('media_underivable', `Nothing can be derived from a ${source.contentType}.`);
    const completed = completeRecipe(input, this.#context.settings.watermark);
    const recipe = isVideo ? completed : { ...completed, frameMs: 0 };
    const key = recipeKey(recipe);
    const known = await this.#find(source.hash, key);
    if (known !== null) return known;
    const name = `${source.hash} ${key}`;
    const running = this.#underWay.get(name);
    if (running !== undefined) return running;
    const making = this.#context.gate
      .run(() => this.#make(source, recipe, key))
      .finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, making);
    return making;
  }

  async #find(sourceHash: string, recipe: string): Promise<DerivedFile | null> {
    const { db, clock, store } = this.#context;
    const row = await db.kysely
      .selectFrom('media_derived')
      .selectAll()
      .where('source_hash', '=', sourceHash)
      .where('recipe', '=', recipe)
      .executeTakeFirst();
    if (row === undefined) return null;
    const nowMs = clock.now();
    // The row comes before the object: whoever wrote it may have died in between, or be about to go on.
    const isThere = (await store.stat(row.hash)) !== null;
    if (isThere && nowMs - row.used_at > NOTE_USE_MS)
      await db.transaction((tx) =>
        tx
          .updateTable('media_derived')
          .set({ used_at: nowMs })
          .where('source_hash', '=', sourceHash)
          .where('recipe', '=', recipe)
          .execute(),
      );
    if (!isThere && nowMs - row.created_at > REMOVAL_MS)
      await db.transaction((tx) =>
        tx
          .deleteFrom('media_derived')
          .where('source_hash', '=', sourceHash)
          .where('recipe', '=', recipe)
          .where('hash', '=', row.hash)
          .where('created_at', '=', row.created_at)
          .execute(),
      );
    if (!isThere) return null;
    return { hash: row.hash, bytes: row.bytes, contentType: row.content_type, width: row.width, height: row.height };
  }

  async #make(source: DeriveSource, recipe: Recipe, key: string): Promise<DerivedFile> {
    const { store, owner, probe } = this.#context;
    const made = await this.#render(source, recipe);
    const staged = await store.stage(made.bytes, { owner });
    try {
      await probe('derived-staged');
      await this.#refer(source, key, staged, made);
      await probe('derived-referred');
      await store.commit(staged);
      await probe('derived-committed');
    } catch (error) {
      await store.discard(staged).catch(() => {});
      throw error;
    }
    const { contentType, width, height } = made;
    return { hash: staged.hash, bytes: staged.bytes, contentType, width, height };
  }

  async #render(source: DeriveSource, recipe: Recipe): Promise<Rendered> {
    const { settings } = this.#context;
    if (source.contentType.startsWith('video/')) {
      const frame = await this.#frame(source, recipe.frameMs);
      return renderPicture(frame, 'image/png', recipe, settings);
    }
    if (source.bytes > settings.maxImageBytes)
      throw new EaselError('payload_too_large', `The picture is larger than ${settings.maxImageBytes} bytes.`);
    const { stream } = await this.#context.store.open(source.hash);
    return renderPicture(await buffer(stream), source.contentType, recipe, settings);
  }

  /** ffmpeg jumps about in the file, so it must lie on a local disk. */
  async #frame(source: DeriveSource, frameMs: number): Promise<Buffer> {
    const { store, spool, owner, clock, settings } = this.#context;
    const local = await spool.stage((await store.open(source.hash)).stream, { owner });
    try {
      return await grabFrame(local.tmpPath, source.contentType, {
        ...{ clock, ffmpeg: settings.ffmpeg, frameMs, maxPixels: maxPixels(settings) },
      });
    } finally {
      await spool.discard(local);
    }
  }

  async #refer(source: DeriveSource, key: string, staged: StagedMedia, made: Rendered): Promise<void> {
    const nowMs = this.#context.clock.now();
    await withObjects(this.#context, [source.hash, staged.hash], async (tx) => {
      if (!(await isOwned(tx, source.hash)))
        throw new StorageError('not_found', 'The file was removed while something was derived from it.');
      const row = await tx
        .selectFrom('media_derived')
        .select('hash')
        .where('source_hash', '=', source.hash)
        .where('recipe', '=', key)
        .executeTakeFirst();
      if (row?.hash === staged.hash) return;
      // Another node, whose encoder makes other bytes of the same pixels, is a moment ahead.
      if (row !== undefined)
        throw new StorageError('storage_failed', 'Another node is making the same file.', {
          hint: 'Ask again in a moment.',
        });
      await tx
        .insertInto('media_derived')
        .values({
          source_hash: source.hash,
          recipe: key,
          hash: staged.hash,
          bytes: staged.bytes,
          content_type: made.contentType,
          width: made.width,
          height: made.height,
          created_at: nowMs,
          used_at: nowMs,
        })
        .execute();
    });
  }
}
