import { describe, expect, it } from 'vitest';
import { EaselError } from '../core/errors.js';
import {
  parseAssignment,
  parseDuration,
  parseHeader,
  parseLooseValue,
  parsePort,
  parseSeed,
  parseWholeNumber,
} from './values.js';

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof EaselError ? error.code : String(error);
  }
  return 'none';
};

describe('parseDuration', () => {
  it.each([
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['90', 90_000],
    ['1.5s', 1_500],
    ['500ms', 500],
    ['2 m', null],
    ['', null],
    ['0s', null],
    ['-5s', null],
    ['5 minutes', null],
    ['99999999999999999d', null],
  ])('%j is %j ms', (text, expected) => {
    if (expected === null) expect(codeOf(() => parseDuration(text, '--timeout'))).toBe('usage_invalid');
    else expect(parseDuration(text, '--timeout')).toBe(expected);
  });
});

describe('parseSeed', () => {
  it('keeps every digit up to 2^64-1', () => {
    expect(parseSeed('18446744073709551615')).toBe(18446744073709551615n);
    expect(parseSeed(' 7 ')).toBe(7n);
    expect(parseSeed('random')).toBe('random');
  });

  it.each(['18446744073709551616', '-1', '1.5', '1e3', '', 'rnd'])('refuses %j', (text) => {
    expect(codeOf(() => parseSeed(text))).toBe('usage_invalid');
  });
});

describe('parseAssignment', () => {
  it('splits at the first sign and keeps the rest as it is', () => {
    expect(parseAssignment('6.text= a=b ', '--set', 'x')).toEqual({ name: '6.text', value: ' a=b ' });
    expect(parseAssignment('6.text=', '--set', 'x')).toEqual({ name: '6.text', value: '' });
  });

  it.each(['6.text', '=x', ''])('refuses %j', (text) => {
    expect(codeOf(() => parseAssignment(text, '--set', '3.steps=20'))).toBe('usage_invalid');
  });
});

describe('parseLooseValue', () => {
  it('reads JSON where it is JSON, and text otherwise', () => {
    expect(parseLooseValue('20')).toBe(20);
    expect(parseLooseValue('18446744073709551615')).toBe(18446744073709551615n);
    expect(parseLooseValue('true')).toBe(true);
    expect(parseLooseValue('"20"')).toBe('20');
    expect(parseLooseValue('a red barn')).toBe('a red barn');
    expect(parseLooseValue('{not json')).toBe('{not json');
  });
});

describe('parseHeader', () => {
  it('takes what curl takes', () => {
    expect(parseHeader('X-Team:  blue: green ', '--header')).toEqual({ name: 'X-Team', value: 'blue: green' });
  });

  it.each(['no colon', ': secret', 'bad name: secret', 'a: b\r\nc: secret'])(
    'refuses %j without repeating it',
    (text) => {
      expect(codeOf(() => parseHeader(text, '--header'))).toBe('usage_invalid');
      try {
        parseHeader(text, '--header');
      } catch (error) {
        expect((error as Error).message).not.toMatch(/secret|no colon/);
      }
    },
  );
});

describe('numbers', () => {
  it('are whole and in range', () => {
    expect(parsePort('0', '--port')).toBe(0);
    expect(parsePort('65535', '--port')).toBe(65_535);
    expect(codeOf(() => parsePort('65536', '--port'))).toBe('usage_invalid');
    expect(codeOf(() => parsePort('http', '--port'))).toBe('usage_invalid');
    expect(parseWholeNumber('40', '--step-ms')).toBe(40);
    expect(codeOf(() => parseWholeNumber('4.5', '--step-ms'))).toBe('usage_invalid');
  });
});
