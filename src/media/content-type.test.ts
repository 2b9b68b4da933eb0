import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decideContentType } from './content-type.js';

const picture = (format: 'png' | 'jpeg' | 'webp' | 'gif') =>
  sharp({ create: { width: 8, height: 8, channels: 3, background: '#204060' } })
    .toFormat(format)
    .toBuffer();

const text = (value: string) => Buffer.from(value);

describe('decideContentType', () => {
  it.each(['png', 'jpeg', 'webp', 'gif'] as const)('recognises %s whatever the sender says', async (format) => {
    expect(await decideContentType(await picture(format), 'text/plain')).toBe(`image/${format}`);
  });

  it('believes harmless declared types, without their parameters', async () => {
    expect(await decideContentType(text('a lighthouse'), 'Text/Plain; charset=utf-8')).toBe('text/plain');
    expect(await decideContentType(text('{"a":1}'), 'application/json')).toBe('application/json');
  });

  it.each([
    ['a login page as a picture', '<!doctype html><form>', 'image/png'],
    ['a page', '<!doctype html><script>1</script>', 'text/html'],
    ['a drawing with a script', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml'],
    ['a script', 'alert(1)', 'text/javascript'],
    ['nothing known', 'abc', undefined],
    ['an empty file', '', 'image/png'],
    ['a truncated picture', '\x89PN', 'image/png'],
  ])('makes %s a plain download', async (_name, bytes, declared) => {
    expect(await decideContentType(text(bytes), declared)).toBe('application/octet-stream');
  });
});
