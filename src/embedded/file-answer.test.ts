import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileAnswer } from './file-answer.js';

describe('fileAnswer', () => {
  let folder = '';
  let path = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-file-'));
    path = join(folder, 'a.bin');
    await writeFile(path, '0123456789');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    [undefined, 200, 0, 10, undefined],
    ['bytes=0-3', 206, 0, 4, 'bytes 0-3/10'],
    ['bytes=5-', 206, 5, 10, 'bytes 5-9/10'],
    ['bytes=-3', 206, 7, 10, 'bytes 7-9/10'],
    ['bytes=8-99', 206, 8, 10, 'bytes 8-9/10'],
    ['bytes=-99', 206, 0, 10, 'bytes 0-9/10'],
  ])('Range %s', async (range, status, start, end, contentRange) => {
    const answer = await fileAnswer(path, range ? { range } : {}, {});
    expect(answer).toMatchObject({ status, body: { path, start, end } });
    expect(answer.headers?.['content-range']).toBe(contentRange);
  });

  it.each(['bytes=10-', 'bytes=5-2', 'bytes=-', 'lines=1-2', 'bytes=0-1,3-4'])('refuses Range %s', async (range) => {
    expect(await fileAnswer(path, { range }, {})).toMatchObject({ status: 416 });
  });

  it('answers conditional requests', async () => {
    const { headers } = await fileAnswer(path, {}, {});
    const { etag, 'last-modified': modified } = headers!;
    const status = async (conditions: IncomingHttpHeaders) => (await fileAnswer(path, conditions, {})).status;
    const earlier = new Date(Date.parse(modified!) - 5000).toUTCString();
    expect(await status({ 'if-none-match': etag })).toBe(304);
    expect(await status({ 'if-none-match': '"other"' })).toBe(200);
    expect(await status({ 'if-modified-since': modified })).toBe(304);
    expect(await status({ 'if-modified-since': earlier })).toBe(200);
    expect(await status({ 'if-match': '"other"' })).toBe(412);
    expect(await status({ 'if-match': etag })).toBe(200);
    expect(await status({ 'if-unmodified-since': earlier })).toBe(412);
    expect(await status({ range: 'bytes=0-1', 'if-range': '"other"' })).toBe(200);
    expect(await status({ range: 'bytes=0-1', 'if-range': etag })).toBe(206);
  });

  it('has nothing for folders and missing files', async () => {
    expect(await fileAnswer(folder, {}, {})).toMatchObject({ status: 404 });
    await expect(fileAnswer(join(folder, 'none'), {}, {})).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
