/**
 * A streaming parser of `multipart/form-data` (RFC 7578). It holds at most one chunk, one boundary and one block of part
 * headers; what becomes of the data is the caller's business.
 */
export interface MultipartPart {
  readonly name: string;
  /** Undefined for a plain field. An empty file name counts as a plain field, as on a real server. */
  readonly fileName: string | undefined;
  readonly data: AsyncIterable<Buffer>;
}

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_BOUNDARY_LENGTH = 70;

export class MultipartError extends Error {}

/** The boundary of a `Content-Type` header; null when it is not multipart. */
export function multipartBoundary(contentType: string | undefined): string | null {
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType ?? '')) return null;
  const [, quoted, bare] = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType!) ?? [];
  const boundary = quoted ?? bare ?? '';
  return boundary !== '' && boundary.length <= MAX_BOUNDARY_LENGTH ? boundary : null;
}

/**
 * Yields the parts in order. The data of a part must be consumed before the next part is asked for; what is left of it
 * is skipped. Throws MultipartError when the body is malformed or ends too early.
 */
export async function* multipartParts(chunks: AsyncIterable<Buffer>, boundary: string): AsyncGenerator<MultipartPart> {
  const source = new Source(chunks);
  // The first boundary has no line break before it; pretending one makes all boundaries alike.
  source.prepend('\r\n');
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  await drain(source.until(delimiter));
  for (;;) {
    const after = (await source.take(2)).toString('latin1');
    if (after === '--') return;
    if (after !== '\r\n') throw new MultipartError('Malformed boundary.');
    const headers = await readHeaders(source);
    const data = source.until(delimiter);
    yield { ...disposition(headers), data };
    await drain(data);
  }
}

async function readHeaders(source: Source): Promise<string> {
  let text = '';
  for (;;) {
    const line = await source.line(MAX_HEADER_BYTES - text.length);
    if (line === '') return text;
    text += `${line}\n`;
  }
}

function disposition(headers: string): { readonly name: string; readonly fileName: string | undefined } {
  const line = headers.split('\n').find((header) => /^content-disposition\s*:/i.test(header)) ?? '';
  const name = parameter(line, 'name') ?? '';
  const extended = /filename\*=utf-8''([^;\s]+)/i.exec(line)?.[1];
  const fileName = extended === undefined ? parameter(line, 'filename') : decoded(extended);
  return { name, fileName: fileName === undefined || fileName === '' ? undefined : fileName };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new MultipartError('The file name of a part cannot be decoded.');
  }
}

/** Browsers escape quotes and line breaks as %22, %0D and %0A; a backslash escape is the older way. */
function parameter(line: string, name: string): string | undefined {
  const quoted = new RegExp(`[;\\s]${name}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(line)?.[1];
  if (quoted !== undefined) return quoted.replace(/\\(["\\])/g, '$1').replaceAll('%22', '"');
  return new RegExp(`[;\\s]${name}=([^;\\s]+)`, 'i').exec(line)?.[1];
}

async function drain(data: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of data);
}

class Source {
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  prepend(text: string): void {
    this.#buffer = Buffer.concat([Buffer.from(text, 'latin1'), this.#buffer]);
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done) throw new MultipartError('The body ends in the middle of a part.');
    this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
  }

  async take(length: number): Promise<Buffer> {
    while (this.#buffer.length < length) await this.#more();
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async line(maxLength: number): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf('\r\n');
      if (end > maxLength || (end < 0 && this.#buffer.length > maxLength)) {
        throw new MultipartError('The headers of a part are too long.');
      }
      if (end >= 0) {
        const line = this.#buffer.toString('utf8', 0, end);
        this.#buffer = this.#buffer.subarray(end + 2);
        return line;
      }
      await this.#more();
    }
  }

  /** The data up to the delimiter, which is taken too. A tail that may begin the delimiter is held back. */
  async *until(delimiter: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#buffer.indexOf(delimiter);
      if (at >= 0) {
        const data = this.#buffer.subarray(0, at);
        this.#buffer = this.#buffer.subarray(at + delimiter.length);
        if (data.length > 0) yield data;
        return;
      }
      const safe = this.#buffer.length - delimiter.length + 1;
      if (safe > 0) {
        const data = this.#buffer.subarray(0, safe);
        this.#buffer = this.#buffer.subarray(safe);
        yield data;
      }
      await this.#more();
    }
  }
}
