import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { embeddedTexts, insertPngText, readPngText } from './png-text.js';

function chunks(png: Buffer): { type: string; data: Buffer }[] {
  const found = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    found.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return found;
}

describe('insertPngText', () => {
  it('puts text after the header and leaves a picture that decodes', async () => {
    const png = await sharp({ create: { width: 3, height: 2, channels: 3, background: '#123456' } })
      .png()
      .toBuffer();
    const withText = insertPngText(
      png,
      embeddedTexts({ '1': { class_type: 'X', inputs: {} } }, { workflow: { a: 1 } }),
    );
    const [header, prompt, workflow] = chunks(withText);
    expect(header?.type).toBe('IHDR');
    expect(prompt?.type).toBe('tEXt');
    expect(prompt?.data.toString('latin1')).toBe('prompt\0{"1": {"class_type": "X", "inputs": {}}}');
    expect(workflow?.data.toString('latin1')).toBe('workflow\0{"a": 1}');
    const decoded = await sharp(withText, { failOn: 'warning' }).raw().toBuffer({ resolveWithObject: true });
    expect(decoded.info).toMatchObject({ width: 3, height: 2 });
  });

  it('reads back what it wrote, beyond Latin-1 too', async () => {
    const png = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    const entries: [string, string][] = [
      ['prompt', '{"a": 1}'],
      ['note', 'zürich 图'],
    ];
    expect(readPngText(insertPngText(png, entries))).toEqual(entries);
    expect(readPngText(Buffer.from('no picture'))).toEqual([]);
    expect(readPngText(insertPngText(png, entries).subarray(0, 60))).toEqual([['prompt', '{"a": 1}']]);
  });

  it('refuses what is no PNG', () => {
    expect(() => insertPngText(Buffer.from('GIF89a'), [])).toThrow(RangeError);
  });
});
