import { describe, expect, it } from 'vitest';
import {
  describeInput,
  pythonBool,
  pythonFloat,
  pythonFloatText,
  pythonInt,
  pythonRepr,
  pythonStr,
} from './python-values.js';

describe('conversions', () => {
  it.each([
    ['65', 65],
    [' -7 ', -7],
    [100.9, 100],
    [-3.9, -3],
    [true, 1],
    ['18446744073709551615', 18446744073709551615n],
    [18446744073709551615n, 18446744073709551615n],
  ])('int(%s) is %s', (value, expected) => expect(pythonInt(value)).toBe(expected));

  it.each([
    ['abc', "invalid literal for int() with base 10: 'abc'"],
    ['3.9', "invalid literal for int() with base 10: '3.9'"],
    [null, "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"],
    [{}, "int() argument must be a string, a bytes-like object or a real number, not 'dict'"],
    [Number.NaN, 'cannot convert float NaN to integer'],
    [Infinity, 'cannot convert float infinity to integer'],
  ])('int(%j) fails', (value, message) => expect(() => pythonInt(value)).toThrow(message));

  it.each([
    ['1.5', 1.5],
    ['1e3', 1000],
    ['.5', 0.5],
    ['inf', Infinity],
    ['-Infinity', -Infinity],
    ['nan', Number.NaN],
    [3, 3],
  ])('float(%j) is %s', (value, expected) => expect(pythonFloat(value)).toBe(expected));

  it.each(['abc', '', '1.2.3', '0x10'])('float(%j) fails', (value) => {
    expect(() => pythonFloat(value)).toThrow(`could not convert string to float: '${value}'`);
  });

  it('bool goes by truth, not by meaning', () => {
    expect([pythonBool('false'), pythonBool(''), pythonBool(0), pythonBool([]), pythonBool(null)]).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('texts', () => {
  it('prints as Python does', () => {
    expect(pythonStr(null)).toBe('None');
    expect(pythonRepr({ a: [1, 2.5, true, null, "it's", 'a"b\n'] })).toBe(
      `{'a': [1, 2.5, True, None, "it's", 'a"b\\n']}`,
    );
    expect([1, 0.1, 1e-5, 1e16, -2, Number.NaN].map(pythonFloatText)).toEqual([
      '1.0',
      '0.1',
      '1e-05',
      '1e+16',
      '-2.0',
      'nan',
    ]);
  });

  it('describes inputs without printing pixels', () => {
    const picture = { type: 'IMAGE', width: 4, height: 2, channels: 3, frames: [Buffer.alloc(24)] };
    expect(describeInput(picture)).toBe('<IMAGE 1x2x4>');
    expect(describeInput({ model: Buffer.alloc(1) })).toBe('<object>');
    expect(describeInput({ a: 1 })).toBe("{'a': 1}");
    expect(describeInput('x')).toBe('x');
  });
});
