import { describe, expect, it } from 'vitest';
import { isForeignOrigin } from './origin.js';

describe('isForeignOrigin', () => {
  it.each([
    ['127.0.0.1:8188', undefined, false],
    [undefined, 'http://evil.example', false],
    ['127.0.0.1:8188', 'http://evil.example', true],
    ['127.0.0.1:8188', 'http://127.0.0.1:8188', false],
    ['127.0.0.1:8188', 'http://127.0.0.1', false],
    ['127.0.0.1:8188', 'http://127.0.0.1:3000', true],
    ['localhost:8188', 'http://localhost:3000', true],
    ['localhost', 'http://localhost:3000', false],
    ['127.0.0.1:8188', 'http://localhost:8188', true],
    ['[::1]:8188', 'http://[::1]:8188', false],
    ['[::1]:8188', 'http://evil.example', true],
    ['127.9.9.9', 'http://evil.example', true],
    ['gpu.example', 'http://evil.example', false],
    ['127.0.0.1:8188', 'null', false],
    ['LOCALHOST:8188', 'HTTP://localhost:8188', false],
  ])('Host %s, Origin %s -> %s', (host, origin, expected) => {
    expect(isForeignOrigin({ ...(host && { host }), ...(origin && { origin }) })).toBe(expected);
  });
});
