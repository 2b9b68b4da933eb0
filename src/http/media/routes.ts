import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import type { FastifyPluginAsync } from 'fastify';
import { EaselError } from '../../core/errors.js';
import { accountOf } from '../account.js';
import type { HttpContext } from '../context.js';
import { requestInvalid } from '../problem.js';
import { check, strictObject } from '../validate.js';

const query = strictObject({});

/**
 * Uploads of input files: the body is the file. It goes to disk as it arrives, with bounded memory. Types are not checked
 * here: what the bytes are is found out by the media room, and a declared type is hardly believed.
 */
export const mediaRoutes =
  ({ generations, maxUploadBytes }: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));

    app.post('/v1/media', async (request, reply) => {
      check(query, request.query, 'query');
      const declaredType = request.headers['content-type'];
      if (declaredType?.toLowerCase().startsWith('multipart/')) {
        throw new EaselError('media_type_unsupported', 'A form upload is not accepted here.', {
          hint: 'Send the file itself as the body: curl --data-binary @photo.png -H "Content-Type: image/png".',
        });
      }
      // Told before a byte is read where the length is known; otherwise counted on the way.
      if (Number(request.headers['content-length'] ?? 0) > maxUploadBytes) throw tooLarge(maxUploadBytes);
      const stored = await generations.attach(accountOf(request), bodyOf(request.raw), {
        maxBytes: maxUploadBytes,
        ...(declaredType === undefined ? {} : { declaredType }),
      });
      if (stored.bytes === 0)
        throw requestInvalid('The file is empty.', [], 'Send the file as the body of the request.');
      const { mediaId, hash, bytes, contentType } = stored;
      return reply.code(201).send({ media_id: mediaId, hash, bytes, content_type: contentType });
    });
  };

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
