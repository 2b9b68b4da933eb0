import sharp from 'sharp';
import type { RecordedEvent } from './engine-recording.js';

/** Recorded requests as bytes. The recorder kept no file contents, only their sizes and what became of them. */
export interface RequestBody {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

interface RecordedPart {
  readonly name: string;
  readonly filename?: string;
  readonly type?: string;
  readonly data: string;
}

const MEGABYTE_AND_A_BIT = 1_500_000;

export async function requestBody(event: RecordedEvent, uploads: Uploads, note: string): Promise<RequestBody> {
  const { body } = event;
  const headers = event.headers ?? {};
  if (body === undefined) return { headers };
  if (body === '<1.5 MB of JSON>') {
    return { headers, body: Buffer.from(JSON.stringify({ prompt: {}, filler: 'x'.repeat(MEGABYTE_AND_A_BIT) })) };
  }
  if (body === '<1.5 MB file>') {
    const parts = [{ name: 'image', filename: 'big.png', data: Buffer.alloc(MEGABYTE_AND_A_BIT) }];
    return multipart(headers, parts);
  }
  if (typeof body === 'string') return { headers, body: Buffer.from(body) };
  if (!headers['Content-Type']?.startsWith('multipart/form-data')) {
    return { headers: { 'Content-Type': 'application/json', ...headers }, body: Buffer.from(JSON.stringify(body)) };
  }
  const parts = (body as readonly RecordedPart[]).map(async (part) => ({
    ...part,
    data: /^<\d+ bytes>$/.test(part.data) ? await uploads.content(note) : Buffer.from(part.data),
  }));
  return multipart(headers, await Promise.all(parts));
}

function multipart(
  headers: Readonly<Record<string, string>>,
  parts: readonly {
    readonly name: string;
    readonly filename?: string;
    readonly type?: string;
    readonly data: Buffer;
  }[],
): RequestBody {
  const boundary = headers['Content-Type']!.replace(/^.*boundary=/, '');
  const chunks = parts.flatMap(({ name, filename, type, data }) => {
    const file = filename === undefined ? '' : `; filename="${filename}"`;
    const typed = type === undefined ? '' : `\r\nContent-Type: ${type}`;
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}${typed}\r\n\r\n`;
    return [Buffer.from(head), data, Buffer.from('\r\n')];
  });
  return { headers, body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]) };
}

/** Pictures to upload: a new one each time, except where the recording says that the same bytes were sent again. */
export class Uploads {
  #shade = 0;
  #last: Buffer = Buffer.alloc(0);

  async content(note: string): Promise<Buffer> {
    if (!/same bytes|again/.test(note)) this.#last = await picture(this.#shade++);
    return this.#last;
  }
}

/** A small picture with alpha; `shade` makes them differ. */
export function picture(shade: number, side = 8): Promise<Buffer> {
  const background = { r: shade % 256, g: 90, b: 120, alpha: 0.5 };
  return sharp({ create: { width: side, height: side, channels: 4, background } })
    .png()
    .toBuffer();
}
