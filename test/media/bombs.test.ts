import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleChild, Child } from '../helpers/child.js';
import { type Bomb, bombs, textBomb, wholeFiles } from './bombs.js';
import { animation, picture } from './harness.js';

/** In a process of its own, which must be alive afterwards and never have needed much memory. */
const MAX_GROWTH_MB = 400;

describe('files that mean harm', () => {
  let child: Child;
  let folder: string;
  let baseMb = 0;
  let peakMb = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'easel-bombs-'));
    child = new Child(await bundleChild('test/media/intake-child.ts'), [folder]);
    baseMb = Number((await child.line((line) => line.startsWith('ready '))).split(' ')[1]);
  });
  afterAll(async () => {
    await child.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  async function send({ bytes, declaredType }: Pick<Bomb, 'bytes' | 'declaredType'>): Promise<string> {
    const path = join(folder, 'file');
    writeFileSync(path, bytes);
    const before = child.lines.length;
    child.process.stdin?.write(`${JSON.stringify({ path, declaredType })}\n`);
    await child.line(() => child.lines.length > before);
    const [code = '', peak] = (child.lines[before] ?? '').split(' ');
    peakMb = Number(peak);
    return code;
  }

  it('are refused with 422 and a code', async () => {
    for (const bomb of await bombs()) {
      const code = await send(bomb);
      expect(['media_invalid/422', 'media_too_complex/422'], `${bomb.name}: ${code}`).toContain(code);
      if (/megapixels|frames/.test(bomb.name)) expect(code, bomb.name).toBe('media_too_complex/422');
    }
  }, 120_000);

  it('are refused when they are cut off, whatever their kind', async () => {
    const files = await wholeFiles(folder);
    process.stderr.write(`cut off: ${files.map(({ name }) => name).join(', ')}\n`);
    for (const file of files) {
      expect(await send(file), file.name).toBe('stored');
      for (const part of [0.99, 0.5, 0.1]) {
        const bytes = file.bytes.subarray(0, Math.floor(file.bytes.length * part));
        expect(await send({ ...file, bytes }), `${file.name} to ${part}`).toBe('media_invalid/422');
      }
    }
  }, 120_000);

  it('do not keep honest files out', async () => {
    const honest: [string, Buffer][] = [
      ['image/png', await textBomb()],
      ['image/gif', await animation('gif', 40)],
      ['image/webp', await animation('webp', 40)],
      ['image/png', await picture('png', 7_000, 7_000)],
      ['image/webp', await picture('webp', 7_000, 7_000)],
      [
        'image/jpeg',
        await sharp({ create: { width: 8_000, height: 8_000, channels: 3, background: '#111' } })
          .jpeg({ progressive: true })
          .toBuffer(),
      ],
      ['text/plain', await picture('jpeg')],
    ];
    for (const [declaredType, bytes] of honest) expect(await send({ declaredType, bytes })).toBe('stored');
  }, 120_000);

  it('leave the process alive and small', async () => {
    process.stderr.write(`intake of bombs: ${baseMb} MB before, ${peakMb} MB at the most\n`);
    expect(peakMb - baseMb).toBeLessThan(MAX_GROWTH_MB);
    child.process.stdin?.end();
    expect(await child.line('stopped')).toBe('stopped');
    expect((await child.exited).code).toBe(0);
  });
});
