import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { UploadFile } from '../../../src/backends/index.js';
import type { MakeHarness } from '../backend.js';
import { graphs } from './graphs.js';
import { dataOf } from './nodes.js';
import { accept, download, failure, fileOf, needs, result, useHarness, Watcher } from './support.js';

const upload = (bytes: Buffer, filename = 'input-1.png'): UploadFile => ({
  filename,
  contentType: 'image/png',
  bytes: bytes.length,
  open: () => Readable.from([bytes.subarray(0, 100), bytes.subarray(100)]),
});

export function describeFiles(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: files`, () => {
    const harness = useHarness(makeHarness);

    it('streams a large file, with its length', async () => {
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const outcome = await result(backend, watcher, await accept(backend, graphs.quick(1, 5_000_000)));
      const opened = await backend.openOutput(fileOf(outcome));
      expect(opened.contentLength).toBe(5_000_000);
      expect(opened.contentType).toBe('image/png');
      expect((await buffer(opened.stream)).equals(dataOf(1, 5_000_000))).toBe(true);
    });

    it('lets a download be abandoned', async () => {
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const outcome = await result(backend, watcher, await accept(backend, graphs.quick(1, 5_000_000)));
      const opened = await backend.openOutput(fileOf(outcome));
      opened.stream.destroy();
      expect((await download(backend, fileOf(outcome))).length).toBe(5_000_000);
    });

    it('says so when a file is not there, or not to be had', async () => {
      const { backend } = harness();
      const gone = {
        kind: 'image',
        nodeId: '9',
        key: 'images',
        filename: 'gone.png',
        subfolder: '',
        type: 'output',
      } as const;
      expect(await failure(backend.openOutput(gone))).toMatchObject({ code: 'output_unavailable', retryable: true });
      for (const filename of ['../../etc/passwd', '/etc/passwd', 'a..b.png'])
        expect(await failure(backend.openOutput({ ...gone, filename }))).toMatchObject({ code: 'output_unavailable' });
      expect(await failure(backend.openOutput({ ...gone, subfolder: '../..' }))).toMatchObject({
        code: 'output_unavailable',
      });
    });

    it('leaves previews out unless there is nothing else', async ({ skip }) => {
      needs(harness(), 'temp-files', skip);
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const both = await result(backend, watcher, await accept(backend, graphs.withPreview(1)));
      expect(both.outputs.filter((output) => output.kind !== 'text').map((output) => output.nodeId)).toEqual(['9']);
      const alone = await result(backend, watcher, await accept(backend, graphs.onlyPreview(2)));
      expect(fileOf(alone, '8')).toMatchObject({ type: 'temp' });
      expect((await download(backend, fileOf(alone, '8'))).equals(dataOf(2, 64))).toBe(true);
    });

    it('stores an input file, and a graph can use it under the name that came back', async () => {
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const bytes = dataOf(77, 50_000);
      const { inputValue } = await backend.upload(upload(bytes));
      const outcome = await result(backend, watcher, await accept(backend, graphs.loading(inputValue)));
      expect((await download(backend, fileOf(outcome))).equals(bytes)).toBe(true);
    });

    it('stores equal content once and never replaces other content', async ({ skip }) => {
      needs(harness(), 'one-copy', skip);
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const [one, two] = [dataOf(1, 500), dataOf(2, 500)];
      const first = await backend.upload(upload(one));
      expect(await backend.upload(upload(one))).toEqual(first);
      const second = await backend.upload(upload(two));
      expect(second).not.toEqual(first);
      for (const [stored, bytes] of [
        [first, one],
        [second, two],
      ] as const) {
        const outcome = await result(backend, watcher, await accept(backend, graphs.loading(stored.inputValue)));
        expect((await download(backend, fileOf(outcome))).equals(bytes)).toBe(true);
      }
    });

    it('stores two files of the same name at the same time', async ({ skip }) => {
      needs(harness(), 'one-copy', skip);
      const { backend } = harness();
      const names = await Promise.all([backend.upload(upload(dataOf(1, 500))), backend.upload(upload(dataOf(1, 500)))]);
      expect(new Set(names.map((stored) => stored.inputValue)).size).toBe(1);
    });

    it('refuses a file name that is not safe', async () => {
      const { backend } = harness();
      for (const filename of ['../evil.png', 'a/b.png', '.htaccess'])
        expect(await failure(backend.upload(upload(dataOf(1, 10), filename)))).toMatchObject({
          code: 'request_invalid',
        });
    });

    it('refuses a file that the backend would not take, before sending it', async () => {
      const { backend } = harness();
      const { maxUploadBytes } = await backend.capabilities();
      const large: UploadFile = {
        ...upload(Buffer.alloc(0)),
        bytes: (maxUploadBytes ?? 0) + 1,
        open: () => {
          throw new Error('The file was opened.');
        },
      };
      expect(await failure(backend.upload(large))).toMatchObject({ code: 'payload_too_large' });
    });
  });
}
