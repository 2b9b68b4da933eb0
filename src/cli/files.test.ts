import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureWritableFolder, writeWhole } from './files.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const names = () => readdirSync(folder).sort();
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

describe('writeWhole', () => {
  it('makes folders, and tells size and hash of what it wrote', async () => {
    const path = join(folder, 'a', 'b', 'c.txt');
    const written = await writeWhole(Readable.from([Buffer.from('pic'), Buffer.from('ture')]), [path], {
      replace: false,
    });
    expect(written).toEqual({ path, bytes: 7, sha256: createHash('sha256').update('picture').digest('hex') });
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['c.txt']);
  });

  it('takes the first free name and leaves what is there alone', async () => {
    writeFileSync(join(folder, 'x-1.png'), 'old');
    const paths = ['x-1.png', 'x-2.png'].map((name) => join(folder, name));
    expect((await writeWhole('new', paths, { replace: false })).path).toBe(paths[1]);
    expect(read('x-1.png')).toBe('old');
    expect(names()).toEqual(['x-1.png', 'x-2.png']);
  });

  it('replaces when asked to', async () => {
    writeFileSync(join(folder, 'x.png'), 'old');
    await writeWhole('new', [join(folder, 'x.png')], { replace: true });
    expect(read('x.png')).toBe('new');
  });

  it('gives each of many at the same moment a name of its own', async () => {
    const paths = Array.from({ length: 20 }, (_, index) => join(folder, `x-${index}.png`));
    const written = await Promise.all(paths.map((_, index) => writeWhole(`${index}`, paths, { replace: false })));
    expect(new Set(written.map(({ path }) => path)).size).toBe(20);
    expect(names()).toHaveLength(20);
  });

  it('leaves nothing behind when the source breaks', async () => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from('half');
        throw new Error('the line broke');
      })(),
    );
    await expect(writeWhole(broken, [join(folder, 'x.png')], { replace: true })).rejects.toThrow('the line broke');
    expect(names()).toEqual([]);
  });

  it('says what is in the way', async () => {
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'folder'));
    const inFile = writeWhole('x', [join(folder, 'file', 'x.png')], { replace: true });
    await expect(inFile).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('a part of the path is a file'),
    });
    const onFolder = writeWhole('x', [join(folder, 'folder')], { replace: true });
    await expect(onFolder).rejects.toMatchObject({ code: 'storage_failed' });
    await expect(ensureWritableFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'storage_failed' });
    expect(names()).toEqual(['file', 'folder']);
  });
});
