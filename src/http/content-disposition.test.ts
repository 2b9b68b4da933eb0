import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentDisposition, safeFilename } from './content-disposition.js';

describe('contentDisposition', () => {
  test.each([
    ['picture.png', 'inline; filename="picture.png"'],
    ['two words.png', 'inline; filename="two words.png"'],
    ['naïve.png', `inline; filename="na_ve.png"; filename*=UTF-8''na%C3%AFve.png`],
    ["it's (1).png", `inline; filename="it's (1).png"`],
    ["né'(1).png", `inline; filename="n_'(1).png"; filename*=UTF-8''n%C3%A9%27%281%29.png`],
    ['100%.png', `inline; filename="100_.png"; filename*=UTF-8''100%25.png`],
    ['a"; filename="evil.exe', 'inline; filename="a_; filename=_evil.exe"'],
    ['a\r\nSet-Cookie: x=1.png', 'inline; filename="aSet-Cookie_ x=1.png"'],
    ['../../etc/passwd', 'inline; filename="passwd"'],
    ['C:\\Windows\\system.ini', 'inline; filename="system.ini"'],
    ['photo\u202egnp.exe', 'inline; filename="photognp.exe"'],
    ['.bashrc', 'inline; filename="bashrc"'],
    ['', 'inline; filename="output"'],
    ['...', 'inline; filename="output"'],
    ['a/', 'inline; filename="output"'],
    ['\ud800.png', 'inline; filename="png"'],
  ])('%j', (filename, expected) => {
    expect(contentDisposition('inline', filename)).toBe(expected);
  });

  test('is one legal header line for any name, and gives the name back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (filename) => {
        const header = contentDisposition('attachment', filename);
        // Printable ASCII only, and no quote, backslash or percent sign within the quotes.
        expect(header).toMatch(/^attachment; filename="[ !#$&-[\]-~]+"(; filename\*=UTF-8''[\w!#$&+.^`|~%-]+)?$/);
        const extended = /filename\*=UTF-8''(.*)$/.exec(header)?.[1];
        const plain = /filename="([^"]*)"/.exec(header)?.[1];
        expect(extended === undefined ? plain : decodeURIComponent(extended)).toBe(safeFilename(filename));
      }),
    );
  });
});

test('safeFilename keeps the type of a name that is too long', () => {
  const name = safeFilename(`${'x'.repeat(500)}.png`);
  expect([...name]).toHaveLength(150);
  expect(name).toMatch(/x\.png$/);
});
