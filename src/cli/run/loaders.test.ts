import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Graph } from '../../graph/index.js';
import { planLoaders, requireBackendFiles } from './loaders.js';

const graph: Graph = {
  '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' }, _meta: { title: 'Photo' } },
  '2': { class_type: 'LoadImageMask', inputs: { image: 'mask.png', channel: 'alpha' }, _meta: { title: 'a=b' } },
  '3': { class_type: 'SaveImage', inputs: { images: ['1', 0], mask: ['2', 0] } },
};

let cwd: string;
let folder: string;
beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'easel-loaders-')));
  folder = join(cwd, 'workflows');
  mkdirSync(folder);
  writeFileSync(join(cwd, 'x.png'), '');
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const plan = (images: readonly string[], of: Graph = graph) => planLoaders(of, {}, { images, cwd, folder });

describe('--image', () => {
  it.each([
    ['1=x.png', '1'],
    ['1.image=x.png', '1'],
    ['Photo=x.png', '1'],
    ['photo=x.png', '1'],
    ['LoadImage=x.png', '1'],
    ['image=x.png', '1'],
    ['mask=x.png', '2'],
    ['a=b=x.png', '2'],
    ['LoadImageMask=x.png', '2'],
  ])('%s sets node %s', async (text, nodeId) => {
    const { attach, left } = await plan([text]);
    expect(attach).toMatchObject([{ nodeId, input: 'image', path: join(cwd, 'x.png') }]);
    expect(left).toHaveLength(1);
  });

  it('may be a path alone where one file is read, also one with the sign in it', async () => {
    const single: Graph = { '1': graph['1']!, '3': { class_type: 'SaveImage', inputs: { images: ['1', 0] } } };
    writeFileSync(join(cwd, 'q=1.png'), '');
    for (const text of ['x.png', 'q=1.png']) expect((await plan([text], single)).attach[0]?.path).toBe(join(cwd, text));
  });

  it.each([
    ['x.png', /reads 2 files/],
    ['nobody=x.png', /no input is called "nobody"/],
    ['1=nowhere.png', /nowhere\.png does not exist/],
    ['1=', /the path is empty/],
    ['1=workflows', /is not a file/],
  ])('%s is refused', async (text, message) => {
    await expect(plan([text])).rejects.toThrow(message);
  });

  it('names each input once', async () => {
    await expect(plan(['1=x.png', 'Photo=x.png'])).rejects.toThrow(/twice/);
  });
});

describe('a file beside the workflow', () => {
  const named = (image: string): Graph => ({ ...graph, '1': { class_type: 'LoadImage', inputs: { image } } });

  it.each(['mine.png', 'sub/mine.png', 'sub\\mine.png', 'mine.png [input]'])('is found as %s', async (name) => {
    copyFileSync(join(cwd, 'x.png'), join(folder, 'mine.png'));
    expect((await plan([], named(name))).attach).toMatchObject([{ nodeId: '1', path: join(folder, 'mine.png') }]);
  });

  it.each(['../x.png', 'link.png', 'mine.png [output]', '', '.', '..', 'folder', 'a\0b'])(
    'is not taken for %j',
    async (name) => {
      mkdirSync(join(folder, 'folder'));
      copyFileSync(join(cwd, 'x.png'), join(folder, 'mine.png'));
      symlinkSync(join(cwd, 'x.png'), join(folder, 'link.png'));
      expect((await plan([], named(name))).attach).toEqual([]);
    },
  );

  it('is not looked for by an absolute path', async () => {
    expect((await plan([], named(join(cwd, 'x.png')))).attach).toEqual([]);
  });
});

describe('requireBackendFiles', () => {
  const definitions = {
    LoadImage: {
      name: 'LoadImage',
      input: { required: { image: [['there.png'], { image_upload: true }] } },
      output: ['IMAGE'],
    },
  } as const;
  const check = (value: string) =>
    requireBackendFiles({ attach: [], left: [{ nodeId: '1', input: 'image', value }] }, graph, definitions);

  it('refuses what is certainly not there', () => {
    expect(() => check('gone.png')).toThrow(
      /Node 1 \(LoadImage "Photo"\) reads "gone\.png", which the backend does not have/,
    );
    expect(() => check('')).toThrow(/reads no file yet/);
  });

  it.each(['there.png', 'sub/gone.png', 'gone.png [output]'])('lets %s pass', (value) => {
    expect(() => check(value)).not.toThrow();
  });
});
