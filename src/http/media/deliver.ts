import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RecipeInput } from '../../media/index.js';
import type { HttpContext } from '../context.js';
import { sendFile } from '../file-answer.js';

/** A stored file that the account may read. */
export interface StoredFile {
  readonly accountId: string;
  readonly hash: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly filename: string;
}

/** Kinds of pictures that can be written on. */
const PICTURE = /^image\/(jpeg|png|apng|webp|gif|avif)$/;
const REDIRECT_MS = 5 * 60_000;

/**
 * Delivers a stored file, or what a recipe makes of it. Pictures carry the watermark where the plan of their account says so;
 * the original stays as it is, for when the plan changes.
 */
export async function deliver(
  { media, perksOf, redirectToStore }: HttpContext,
  request: FastifyRequest,
  reply: FastifyReply,
  file: StoredFile,
  options: { readonly download: boolean; readonly recipe?: RecipeInput },
): Promise<FastifyReply> {
  const isMarked = await mustMark(perksOf, file, options.recipe);
  const recipe = isMarked ? { ...options.recipe, watermark: true } : options.recipe;
  const { hash, bytes, contentType } = recipe === undefined ? file : await media.deriveFrom(file, recipe);
  const { store } = media;
  return sendFile(request, reply, {
    etag: `"${hash}"`,
    bytes,
    contentType,
    filename: recipe === undefined ? file.filename : renamed(file.filename, contentType),
    download: options.download,
    // A plan may change; what has been derived for good reasons may be derived better one day.
    isImmutable: recipe === undefined,
    open: async (range) => (await store.open(hash, range === undefined ? {} : { range })).stream,
    ...(redirectToStore && store.presign !== undefined
      ? {
          elsewhere: (contentDisposition) =>
            store.presign?.(hash, { expiresInMs: REDIRECT_MS, contentType, contentDisposition }) ?? Promise.reject(),
        }
      : {}),
  });
}

async function mustMark(
  perksOf: HttpContext['perksOf'],
  file: StoredFile,
  recipe: RecipeInput | undefined,
): Promise<boolean> {
  const isPicture = PICTURE.test(file.contentType) || (recipe !== undefined && file.contentType.startsWith('video/'));
  return isPicture && (await perksOf(file.accountId)).watermark === true;
}

/** The end of a name must say what is in the file. */
function renamed(filename: string, contentType: string): string {
  const extension = contentType.slice('image/'.length).replace('jpeg', 'jpg');
  return `${filename.replace(/\.[A-Za-z0-9]{1,10}$/, '')}.${extension}`;
}
