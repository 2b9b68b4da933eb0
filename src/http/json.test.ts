import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringifyLossless } from '../core/json.js';
import { parseBody } from './json.js';

const bytes = (text: string) => Buffer.from(text);
const refusal = (body: Uint8Array): string => {
  try {
    parseBody(body);
  } catch (error) {
    expect(error).toMatchObject({ code: 'request_invalid' });
    return (error as Error).message;
  }
  throw new Error('It was accepted.');
};

describe('parseBody', () => {
  test('keeps integers to the last digit', () => {
    expect(parseBody(bytes('{"seed": 18446744073709551615}'))).toEqual({ seed: 18446744073709551615n });
  });

  test('takes nothing for nothing, and overlooks a byte order mark', () => {
    expect(parseBody(bytes(''))).toBeUndefined();
    expect(parseBody(bytes(' \n'))).toBeUndefined();
    expect(parseBody(bytes('\ufeff{}'))).toEqual({});
  });

  test('names what is wrong', () => {
    expect(refusal(bytes('{"a": }'))).toContain('not valid JSON');
    expect(refusal(bytes('{"a": NaN}'))).toContain('not valid JSON');
    expect(refusal(Buffer.from([0x7b, 0xff, 0x7d]))).toContain('not UTF-8');
  });

  test('refuses nesting that would overflow the stack, but not brackets in texts', () => {
    expect(refusal(bytes('['.repeat(1_000_000)))).toContain('nested deeper');
    expect(refusal(bytes(`${'{"a":'.repeat(201)}1${'}'.repeat(201)}`))).toContain('nested deeper');
    expect(parseBody(bytes(`{"a": "${'['.repeat(1000)}\\"${'{'.repeat(1000)}"}`))).toHaveProperty('a');
  });

  test('gives no object another prototype', () => {
    const parsed = parseBody(bytes('{"__proto__": {"admin": true}}')) as Record<string, unknown>;
    expect(parsed['admin']).toBeUndefined();
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  test('reads back whatever is written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.bigInt({ min: 2n ** 60n, max: 2n ** 64n })), (value) => {
        const text = stringifyLossless(value);
        expect(stringifyLossless(parseBody(bytes(text)))).toBe(text);
      }),
    );
  });
});
