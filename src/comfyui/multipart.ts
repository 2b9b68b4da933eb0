import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { EaselError } from '../core/errors.js';

/** A multipart/form-data body that streams one file and knows its length beforehand (a server may refuse chunked bodies). */
export interface MultipartFile {
  readonly field: string;
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly stream: Readable;
}

export interface MultipartBody {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/**
 * Names that survive every server: ComfyUI stores percent sequences literally, answers 500 for a missing directory, and
 * its /view refuses `..` anywhere in a name (comfyui.md 1.7, 1.8).
 */
const SAFE_FILENAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;
const SAFE_SUBFOLDER = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

export function requireSafeFilename(filename: string): void {
  if (SAFE_FILENAME.test(filename) && !filename.includes('..')) return;
  throw new EaselError('request_invalid', `${JSON.stringify(filename.slice(0, 80))} is not a safe file name.`, {
    hint: 'Use letters, digits, dot, dash and underscore, no dot in front, no two dots in a row, at most 200 characters.',
  });
}

export function requireSafeSubfolder(subfolder: string): void {
  if (subfolder === '' || (SAFE_SUBFOLDER.test(subfolder) && !subfolder.includes('..'))) return;
  throw new EaselError('request_invalid', `${JSON.stringify(subfolder.slice(0, 80))} is not a safe subfolder.`, {
    hint: 'Use relative folders of letters, digits, dot, dash and underscore, separated by single slashes.',
  });
}

export function multipartBody(fields: Readonly<Record<string, string>>, file: MultipartFile): MultipartBody {
  const boundary = `easel-${randomBytes(16).toString('hex')}`;
  const part = (disposition: string, rest = '') =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${rest}\r\n`;
  // Fields come first, so that a server that reads parts in order knows the folder before the file arrives.
  const head = Buffer.from(
    Object.entries(fields)
      .map(([name, value]) => `${part(`name="${name}"`)}${value}\r\n`)
      .join('') +
      part(
        `name="${file.field}"; filename="${file.filename}"`,
        `Content-Type: ${safeContentType(file.contentType)}\r\n`,
      ),
    'utf8',
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`, 'utf8');
  const body = Readable.from(chunks(head, file, tail), { objectMode: false });
  // A request that fails before it starts never runs the generator, which would leave the file open.
  body.on('close', () => file.stream.destroy());
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + file.bytes + tail.length),
    },
    body,
  };
}

/** A media type without parameters, in lower case; anything else becomes the type that promises nothing. */
export function safeContentType(value: string | undefined): string {
  const type = (value ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return /^[a-z0-9][a-z0-9.+-]{0,62}\/[a-z0-9][a-z0-9.+_-]{0,100}$/.test(type) ? type : 'application/octet-stream';
}

async function* chunks(head: Buffer, file: MultipartFile, tail: Buffer): AsyncGenerator<Buffer> {
  yield head;
  let sent = 0;
  for await (const chunk of file.stream as AsyncIterable<Buffer>) {
    sent += chunk.length;
    // The length is already announced: one byte more would be read as the next request on this connection.
    if (sent > file.bytes) break;
    yield chunk;
  }
  if (sent !== file.bytes)
    throw new EaselError('file_unreadable', `The file was announced with ${file.bytes} bytes but has another length.`, {
      hint: 'The file changed while it was sent; send it again.',
      retryable: true,
    });
  yield tail;
}
