import { createHash } from 'node:crypto';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { EaselError } from '../../core/errors.js';
import type { GenerationOutput } from '../../generations/index.js';
import { accountOf } from '../account.js';
import { allowsRange, matchesEtag, parseRange } from '../byte-range.js';
import { contentDisposition } from '../content-disposition.js';
import type { HttpContext } from '../context.js';
import { check, flag, pathId, strictObject } from '../validate.js';

const query = strictObject({ download: flag });

interface OutputParams {
  readonly id: string;
  readonly ordinal: string;
}

/** Types that a browser may show in its window. Everything else is offered as a download. */
const SHOWN = /^(image|video|audio)\/(?!svg)|^text\/plain\b|^application\/json\b/;

/** Output files: streamed, resumable, cacheable, and harmless whatever is in them. */
export const outputRoutes =
  ({ generations }: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.route<{ Params: OutputParams }>({
      // HEAD by ourselves: the framework would open the file and read it to its end to throw it away.
      method: ['GET', 'HEAD'],
      url: '/v1/generations/:id/outputs/:ordinal',
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const { download = false } = check(query, request.query, 'query');
        const id = pathId(request.params.id, 'generation');
        const accountId = accountOf(request);
        const generation = await generations.get(id, accountId);
        const ordinal = /^\d{1,9}$/.test(request.params.ordinal) ? Number(request.params.ordinal) : -1;
        const output = generation.outputs.find((candidate) => candidate.ordinal === ordinal);
        if (output === undefined) throw noSuchOutput(id, generation.outputs.length);
        const { bytes, etag, contentType } = describe(output);

        reply
          .header('etag', etag)
          // An output never changes; it is its owner's alone.
          .header('cache-control', 'private, max-age=31536000, immutable')
          .header('accept-ranges', 'bytes');
        if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();

        reply
          .header('content-type', contentType)
          .header('content-disposition', disposition(output, contentType, download))
          // Even opened in a window of its own it runs nothing and reaches nothing of this server.
          .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox");
        const range = wantedRange(request, etag, bytes);
        if (range.kind === 'unsatisfiable') return refuseRange(reply, bytes);
        const { start, end } = range.kind === 'part' ? range : { start: 0, end: bytes - 1 };
        if (range.kind === 'part') reply.code(206).header('content-range', `bytes ${start}-${end}/${bytes}`);
        reply.header('content-length', end - start + 1);
        if (request.method === 'HEAD') return reply.send();
        if (output.text !== null) return reply.send(Buffer.from(output.text).subarray(start, end + 1));
        const opened = await generations.openOutput(
          id,
          accountId,
          ordinal,
          bytes === 0 ? {} : { range: { start, end } },
        );
        return reply.send(opened.stream);
      },
    });
  };

function describe(output: GenerationOutput): {
  readonly bytes: number;
  readonly etag: string;
  readonly contentType: string;
} {
  const { text, hash, bytes, contentType } = output;
  if (text === null) return { bytes, etag: `"${hash}"`, contentType };
  const digest = createHash('sha256').update(text).digest('hex');
  return { bytes: Buffer.byteLength(text), etag: `"${digest}"`, contentType: 'text/plain; charset=utf-8' };
}

function disposition(output: GenerationOutput, contentType: string, download: boolean): string {
  const filename = output.text === null || output.filename !== '' ? output.filename : `output-${output.ordinal}.txt`;
  return contentDisposition(!download && SHOWN.test(contentType) ? 'inline' : 'attachment', filename);
}

function wantedRange(request: FastifyRequest, etag: string, bytes: number): ReturnType<typeof parseRange> {
  const ifRange = request.headers['if-range'];
  const applies = request.method === 'GET' && allowsRange(typeof ifRange === 'string' ? ifRange : undefined, etag);
  return applies ? parseRange(request.headers.range, bytes) : { kind: 'whole' };
}

function refuseRange(reply: FastifyReply, bytes: number): never {
  for (const name of ['etag', 'cache-control', 'content-disposition', 'content-type']) reply.removeHeader(name);
  reply.header('content-range', `bytes */${bytes}`);
  throw new EaselError('range_unsatisfiable', `The file has ${bytes} bytes.`, { details: { totalBytes: bytes } });
}

function noSuchOutput(id: string, count: number): EaselError {
  const hint = count === 0 ? 'Outputs are there once the generation has succeeded.' : `It has ${count}, from 0 on.`;
  return new EaselError('not_found', `Generation ${id} has no such output.`, { hint });
}
