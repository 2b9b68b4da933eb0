import type { IncomingMessage } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { EaselError } from '../../core/errors.js';
import { MultipartError, multipartBoundary, multipartParts } from '../../embedded/index.js';
import type { MediaFile } from '../../media/index.js';
import { accountOf } from '../account.js';
import type { HttpContext } from '../context.js';
import { parseBody } from '../json.js';
import { requestInvalid } from '../problem.js';
import { route } from '../route.js';
import { check } from '../validate.js';
import { mediaJson } from './json.js';
import { mediaFile, mediaFromElsewhere, mediaUploadQuery } from './schemas.js';

/**
 * Files on their way in: the body is the file, or a form with one, or JSON that says where it is. What is a file goes to disk
 * as it arrives, with bounded memory. What it is, the media room finds out by its bytes.
 */
export const uploadRoutes =
  (context: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));

    app.post(
      '/v1/media',
      route({
        scope: 'media:write',
        summary: 'Store a file.',
        description:
          'The body is the file itself, or a form (multipart/form-data) with one file, or JSON with `url` or `data_url`.',
        tag: 'Media',
        operationId: 'storeMedia',
        query: mediaUploadQuery,
        body: { schema: mediaFromElsewhere, isOptional: true },
        answers: { 201: { description: 'The stored file.', schema: mediaFile } },
      }),
      async (request, reply) => {
        const { filename } = check(mediaUploadQuery, request.query, 'query');
        const file = await take(context, request, app.initialConfig.bodyLimit ?? 0, filename);
        return reply.code(201).send(mediaJson(file));
      },
    );
  };

function take(
  context: HttpContext,
  request: FastifyRequest,
  maxBodyBytes: number,
  filename: string | undefined,
): Promise<MediaFile> {
  const { media, maxUploadBytes: maxBytes } = context;
  const declaredType = request.headers['content-type'];
  const kind = declaredType?.split(';', 1)[0]?.trim().toLowerCase();
  if (kind === 'application/json') return takeElsewhere(context, request, maxBodyBytes);
  if (kind?.startsWith('multipart/')) return takeForm(context, request);
  // Told before a byte is read where the length is known; otherwise counted on the way.
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return media.put(accountOf(request), bodyOf(request.raw), {
    maxBytes,
    ...(declaredType === undefined ? {} : { declaredType }),
    ...(filename === undefined ? {} : { filename }),
  });
}

async function takeElsewhere(
  { media, maxUploadBytes: maxBytes }: HttpContext,
  request: FastifyRequest,
  maxBodyBytes: number,
): Promise<MediaFile> {
  const body = check(mediaFromElsewhere, parseBody(await readAll(bodyOf(request.raw), maxBodyBytes)), 'body');
  const accountId = accountOf(request);
  if ('data_url' in body) return media.putDataUrl(accountId, body.data_url, { maxBytes });
  // Nobody waits for it any more.
  const gone = new AbortController();
  const onClose = () => gone.abort(requestInvalid('The caller has gone.'));
  request.raw.socket.once('close', onClose);
  try {
    return await media.fetchUrl(accountId, body.url, { maxBytes, signal: gone.signal });
  } finally {
    request.raw.socket.off('close', onClose);
  }
}

async function takeForm({ media, maxUploadBytes: maxBytes }: HttpContext, request: FastifyRequest): Promise<MediaFile> {
  const boundary = multipartBoundary(request.headers['content-type']);
  if (boundary === null)
    throw new EaselError('media_type_unsupported', 'The form is not multipart/form-data with a boundary.');
  const accountId = accountOf(request);
  let stored: MediaFile | undefined;
  try {
    for await (const part of multipartParts(bodyOf(request.raw) as AsyncIterable<Buffer>, boundary)) {
      if (part.fileName === undefined) continue;
      if (stored !== undefined)
        throw requestInvalid('The form has more than one file.', [], 'Send one file at a time.');
      const source = Readable.from(part.data, { objectMode: false });
      stored = await media.put(accountId, source, { maxBytes, filename: part.fileName });
    }
  } catch (error) {
    if (stored !== undefined) await media.remove(stored.id, accountId).catch(() => {});
    if (error instanceof MultipartError) throw requestInvalid(`The form cannot be read: ${error.message}`);
    throw error;
  }
  if (stored === undefined) throw requestInvalid('The form has no file.', [], 'curl -F file=@photo.png …');
  return stored;
}

async function readAll(source: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(maxBytes: number): EaselError {
  return new EaselError('payload_too_large', `The file is larger than ${maxBytes} bytes.`, { details: { maxBytes } });
}

/**
 * The body behind a stream of its own: whoever refuses it destroys it, and destroying the request itself would cut the
 * connection on which the refusal is to be told. What is left of the body is then read and thrown away.
 */
function bodyOf(request: IncomingMessage): Readable {
  const body = new PassThrough();
  const onBroken = () => {
    if (!request.complete) body.destroy(requestInvalid('The upload broke off.'));
  };
  request.once('error', onBroken).once('close', onBroken);
  body.once('close', () => {
    request.unpipe(body);
    request.resume();
  });
  return request.pipe(body);
}
