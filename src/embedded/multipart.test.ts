import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MultipartError, multipartBoundary, multipartParts } from './multipart.js';

async function* inPieces(body: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

async function read(body: Buffer, boundary: string, size = body.length) {
  const parts = [];
  for await (const part of multipartParts(inPieces(body, size), boundary)) {
    const chunks: Buffer[] = [];
    for await (const chunk of part.data) chunks.push(chunk);
    parts.push({ name: part.name, fileName: part.fileName, data: Buffer.concat(chunks) });
  }
  return parts;
}

async function formBody(form: FormData): Promise<{ body: Buffer; boundary: string }> {
  const response = new Response(form);
  const boundary = multipartBoundary(response.headers.get('content-type') ?? undefined);
  return { body: Buffer.from(await response.arrayBuffer()), boundary: boundary! };
}

describe('multipartParts', () => {
  it('reads what FormData writes, however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 64 }), async (bytes, size) => {
        const form = new FormData();
        form.append('image', new File([bytes], 'naïve 图 "x".png', { type: 'image/png' }));
        form.append('subfolder', 'a/b');
        const { body, boundary } = await formBody(form);
        expect(await read(body, boundary, size)).toEqual([
          { name: 'image', fileName: 'naïve 图 "x".png', data: Buffer.from(bytes) },
          { name: 'subfolder', fileName: undefined, data: Buffer.from('a/b') },
        ]);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps data that looks like a boundary', async () => {
    const form = new FormData();
    form.append('a', '\r\n--x\r\n----');
    const { body, boundary } = await formBody(form);
    expect((await read(body, boundary, 3))[0]?.data.toString()).toBe('\r\n--x\r\n----');
  });

  it('skips what nobody reads', async () => {
    const form = new FormData();
    form.append('first', 'x'.repeat(1000));
    form.append('second', 'y');
    const { body, boundary } = await formBody(form);
    const names = [];
    for await (const part of multipartParts(inPieces(body, 10), boundary)) names.push(part.name);
    expect(names).toEqual(['first', 'second']);
  });

  it.each(['', '--b\r\n', '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nabc', '--bxx'])(
    'refuses a body that is cut short: %j',
    async (text) => {
      await expect(read(Buffer.from(text), 'b')).rejects.toThrow(MultipartError);
    },
  );

  it('reads an encoded file name, and refuses one that is no UTF-8', async () => {
    const part = (name: string) =>
      Buffer.from(`--b\r\nContent-Disposition: form-data; name="a"; filename*=utf-8''${name}\r\n\r\nx\r\n--b--`);
    expect((await read(part('%e2%82%ac.png'), 'b'))[0]?.fileName).toBe('€.png');
    await expect(read(part('%ff.png'), 'b')).rejects.toThrow(MultipartError);
  });

  it('refuses endless headers', async () => {
    await expect(read(Buffer.from(`--b\r\nX: ${'x'.repeat(100_000)}`), 'b', 4096)).rejects.toThrow('too long');
  });
});

describe('multipartBoundary', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['multipart/form-data; boundary="a b"; x=y', 'a b'],
    ['application/json', null],
    ['multipart/form-data', null],
    [undefined, null],
  ])('%s -> %s', (header, boundary) => expect(multipartBoundary(header)).toBe(boundary));
});
