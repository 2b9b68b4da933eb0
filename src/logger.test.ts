import { describe, expect, test } from 'vitest';
import { scrub } from './logger.js';

describe('scrub', () => {
  test.each([
    ['postgres://easel:s3cret@db:5432/easel', 'postgres://[hidden]@db:5432/easel'],
    ['GET http://h/view?token=abc&x=1 failed', 'GET http://h/view?[hidden] failed'],
    ['Authorization: Bearer eyJhbGciOi.J9', 'Authorization: Bearer [hidden]'],
    ['nothing to hide at http://127.0.0.1:8188/prompt', 'nothing to hide at http://127.0.0.1:8188/prompt'],
  ])('%s', (text, expected) => {
    expect(scrub(text)).toBe(expected);
  });
});
