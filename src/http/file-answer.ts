import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EaselError } from '../core/errors.js';
import { allowsRange, matchesEtag, parseRange } from './byte-range.js';
import { contentDisposition } from './content-disposition.js';

/** A file as it is to be delivered. */
export interface FileAnswer {
  /** Of these very bytes: with quotes. */
  readonly etag: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly filename: string;
  /** Offers it as a download whatever it is. */
  readonly download: boolean;
  /** False when the same address may deliver something else one day. */
  readonly isImmutable: boolean;
  /** `end` is included. The whole file without a range. */
  readonly open: (range?: { readonly start: number; readonly end: number }) => Promise<Readable | Buffer>;
  /** An address elsewhere that delivers the same, where the bytes need not pass through here. */
  readonly elsewhere?: (contentDisposition: string) => Promise<string>;
}

/** Types that a browser may show in its window. Everything else is offered as a download. */
const SHOWN = /^(image|video|audio)\/(?!svg)|^text\/plain\b|^application\/json\b/;

/** Streamed, resumable, cacheable, and harmless whatever is in it. For GET and HEAD. Throws `range_unsatisfiable`. */
export async function sendFile(request: FastifyRequest, reply: FastifyReply, file: FileAnswer): Promise<FastifyReply> {
  const { etag, bytes, contentType } = file;
  reply
    .header('etag', etag)
    // It is its owner's alone.
    .header('cache-control', file.isImmutable ? 'private, max-age=31536000, immutable' : 'private, no-cache')
    .header('accept-ranges', 'bytes');
  if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();

  const disposition = contentDisposition(
    !file.download && SHOWN.test(contentType) ? 'inline' : 'attachment',
    file.filename,
  );
  if (file.elsewhere !== undefined && request.method === 'GET') {
    const url = await file.elsewhere(disposition);
    return reply.header('cache-control', 'private, no-store').removeHeader('etag').redirect(url, 302);
  }
  reply
    .header('content-type', contentType)
    .header('content-disposition', disposition)
    // Even opened in a window of its own it runs nothing and reaches nothing of this server.
    .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox");
  const range = wantedRange(request, etag, bytes);
  if (range.kind === 'unsatisfiable') return refuseRange(reply, bytes);
  const { start, end } = range.kind === 'part' ? range : { start: 0, end: bytes - 1 };
  if (range.kind === 'part') reply.code(206).header('content-range', `bytes ${start}-${end}/${bytes}`);
  reply.header('content-length', end - start + 1);
  if (request.method === 'HEAD') return reply.send();
  return reply.send(await file.open(range.kind === 'part' ? { start, end } : undefined));
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
