import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeException } from './node.js';
import { saveNames } from './save-names.js';

describe('saveNames', () => {
  let base = '';
  const now = new Date(2026, 2, 4, 5, 6, 7);
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'easel-names-'));
  });
  afterEach(() => rm(base, { recursive: true }));

  it('counts on from the highest file of the same stem only', async () => {
    for (const file of ['rec_00001_.png', 'rec_00007_.webp', 'rec2_00050_.png', 'rec_old.png']) {
      await writeFile(join(base, file), '');
    }
    const names = await saveNames({ baseFolder: base, prefix: 'rec', now });
    expect(names.counter).toBe(8);
    expect(names.fileName(1, 'png')).toBe('rec_00009_.png');
    expect(await names.claim(0, 'png')).toBe('rec_00008_.png');
    expect(await names.claim(1, 'png')).toBe('rec_00009_.png');
  });

  it('never gives one name to two writers', async () => {
    const [a, b] = await Promise.all([0, 1].map(() => saveNames({ baseFolder: base, prefix: 'x', now })));
    const claimed = await Promise.all([a!.claim(0, 'png'), b!.claim(0, 'png'), a!.claim(1, 'png')]);
    expect(new Set(claimed).size).toBe(3);
    expect((await readdir(base)).sort()).toEqual([...claimed].sort());
  });

  it('replaces tokens and makes the subfolder', async () => {
    const names = await saveNames({
      baseFolder: base,
      prefix: 'a/%width%x%height%/%year%%month%%day%-%hour%%minute%%second%_%batch_num%_%date:x%',
      width: 64,
      height: 32,
      now,
    });
    expect(names.subfolder).toBe('a/64x32');
    expect(names.fileName(2, 'png')).toBe('20260304-050607_2_%date:x%_00003_.png');
  });

  it.each(['../x', '/etc/x', 'a/../../x', '..'])('keeps %s inside the folder', async (prefix) => {
    const attempt = saveNames({ baseFolder: base, prefix, now });
    await expect(attempt).rejects.toThrow(NodeException);
    await expect(attempt).rejects.toThrow(/outside the output folder is not allowed/);
  });
});
