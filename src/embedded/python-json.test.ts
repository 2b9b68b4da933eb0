import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiJson, readPythonJson } from './python-json.js';

describe('readPythonJson', () => {
  it('agrees with JSON.parse on every JSON text', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        // Integers above 2^53 become bigints, which the comparison below turns back.
        const read = JSON.parse(
          JSON.stringify(readPythonJson(text), (_, v) => (typeof v === 'bigint' ? Number(v) : v)),
        );
        expect(read).toEqual(JSON.parse(text));
      }),
    );
  });

  it('reads what Python writes', () => {
    expect(readPythonJson('{"a": NaN, "b": [Infinity, -Infinity, 1e400]}')).toEqual({
      a: Number.NaN,
      b: [Infinity, -Infinity, Infinity],
    });
    expect(readPythonJson('[18446744073709551615, 9007199254740993, -1, 1.5e3]')).toEqual([
      18446744073709551615n,
      9007199254740993n,
      -1,
      1500,
    ]);
    expect(readPythonJson('{"x": 1, "x": 2}')).toEqual({ x: 2 });
    expect(Object.keys(readPythonJson('{"__proto__": 1}') as object)).toEqual(['__proto__']);
  });

  it.each(['', '{nope', '\ufeff{}', '[1,]', '{"a" 1}', '"a', '01', '[1] 2', '"\u0001"', `${'['.repeat(5000)}`])(
    'refuses %j',
    (text) => {
      expect(() => readPythonJson(text)).toThrow(SyntaxError);
    },
  );
});

describe('asciiJson', () => {
  it('writes as json.dumps does', () => {
    expect(
      asciiJson({ seed: 18446744073709551615n, text: 'über 🦊', list: [1, null, NaN, -Infinity, true], no: undefined }),
    ).toBe(
      '{"seed": 18446744073709551615, "text": "\\u00fcber \\ud83e\\udd8a", "list": [1, null, NaN, -Infinity, true]}',
    );
  });

  it('is read back unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        expect(asciiJson(readPythonJson(asciiJson(value)))).toBe(asciiJson(value));
      }),
    );
  });
});
