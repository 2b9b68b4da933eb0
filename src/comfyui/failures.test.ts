import { describe, expect, it } from 'vitest';
import { BackendError } from '../core/errors.js';
import { Connection } from './connection.js';
import { foreignAnswer, mayHaveBeenAccepted, networkFailure, parseRetryAfter, statusFailure } from './failures.js';

const exchange = { action: 'POST /prompt', displayUrl: 'http://gpu:8188', requestSent: true };
const answer = (status: number, text = '', headers: Record<string, string> = {}) => ({ status, text, headers });
const failed = (code: string) => Object.assign(new Error(code), { code });

describe('errors on the way to a backend', () => {
  it.each([
    [401, 'backend_unauthorized'],
    [403, 'backend_unauthorized'],
    [404, 'backend_not_comfyui'],
    [405, 'backend_not_comfyui'],
    [413, 'payload_too_large'],
    [429, 'backend_overloaded'],
    [408, 'backend_failed'],
    [500, 'backend_failed'],
    [503, 'backend_failed'],
    [302, 'backend_protocol'],
    [418, 'backend_protocol'],
  ])('status %i is %s', (status, code) => {
    expect(statusFailure(answer(status), exchange, 0)).toMatchObject({ code, details: { status, requestSent: true } });
  });

  it('hands on how long an overloaded backend asks to wait', () => {
    const error = statusFailure(answer(503, '', { 'retry-after': '7' }), exchange, 0);
    expect(error).toMatchObject({ code: 'backend_overloaded', details: { retryAfterMs: 7_000 } });
    expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:09 GMT', 4_000)).toBe(5_000);
    expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:01 GMT', 4_000)).toBe(0);
    expect(parseRetryAfter('soon', 0)).toBeNull();
  });

  it('takes a web page for what it is', () => {
    expect(foreignAnswer(answer(200, '<!DOCTYPE html><p>log in'), exchange, 'not JSON').code).toBe(
      'backend_not_comfyui',
    );
    const cutJson = answer(200, '{"a":', { 'content-type': 'application/json' });
    expect(foreignAnswer(cutJson, exchange, 'not JSON')).toMatchObject({ code: 'backend_protocol', retryable: true });
  });

  it('never repeats the secrets of a redirect', () => {
    const error = statusFailure(answer(302, '', { location: 'https://sso.example/login?token=secret' }), exchange, 0);
    expect(JSON.stringify(error.toInfo())).toContain('https://sso.example/login');
    expect(JSON.stringify(error.toInfo())).not.toContain('secret');
  });

  it.each([
    [networkFailure(failed('ECONNREFUSED'), exchange), false],
    [networkFailure(failed('ENOTFOUND'), exchange), false],
    [networkFailure(failed('UND_ERR_CONNECT_TIMEOUT'), exchange), false],
    [networkFailure(failed('DEPTH_ZERO_SELF_SIGNED_CERT'), exchange), false],
    [networkFailure(failed('ECONNRESET'), { ...exchange, requestSent: false }), false],
    [networkFailure(failed('ECONNRESET'), exchange), true],
    [networkFailure(failed('UND_ERR_SOCKET'), exchange), true],
    [networkFailure(new Error('something new'), exchange), true],
    [statusFailure(answer(500), exchange, 0), true],
    [statusFailure(answer(502), exchange, 0), true],
    [statusFailure(answer(408), exchange, 0), true],
    [statusFailure(answer(400), exchange, 0), false],
    [statusFailure(answer(413), exchange, 0), false],
    [statusFailure(answer(429), exchange, 0), false],
    [foreignAnswer(answer(200, '<html>'), exchange, 'not JSON'), false],
    [foreignAnswer(answer(200, '{}'), exchange, 'JSON of another shape'), true],
    [new BackendError('backend_unreachable', 'without details'), false],
  ])('knows whether a prompt can have been accepted (%#)', (error, accepted) => {
    expect(mayHaveBeenAccepted(error)).toBe(accepted);
  });

  it('looks behind the errors that Node wraps', () => {
    const dual = new AggregateError([failed('ECONNREFUSED'), failed('ECONNREFUSED')]);
    expect(networkFailure(dual, exchange).details).toMatchObject({ reason: 'ECONNREFUSED', requestSent: false });
    const wrapped = new Error('fetch failed', { cause: failed('ENOTFOUND') });
    expect(networkFailure(wrapped, exchange).details?.['reason']).toBe('ENOTFOUND');
  });
});

describe('a connection', () => {
  it('keeps base paths and secret queries, and shows neither secrets nor credentials', () => {
    const connection = new Connection({ baseUrl: 'https://user:p%40ss@gpu.example/comfy/?token=secret' });
    expect(connection.displayUrl).toBe('https://gpu.example/comfy');
    expect(connection.headers['authorization']).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
    expect(connection.url('/history/a%2Fb', { max_items: '5', offset: undefined }).href).toBe(
      'https://gpu.example/comfy/history/a%2Fb?token=secret&max_items=5',
    );
    expect(connection.webSocketUrl('c 1').href).toBe('wss://gpu.example/comfy/ws?token=secret&clientId=c+1');
  });

  it('sends a bearer token', () => {
    const connection = new Connection({ baseUrl: 'http://gpu:8188', auth: { type: 'bearer', token: 't' } });
    expect(connection.headers['authorization']).toBe('Bearer t');
    expect(connection.displayUrl).toBe('http://gpu:8188');
  });

  it.each(['gpu:8188', 'ftp://gpu', '', 'http://'])('refuses %s without repeating it', (baseUrl) => {
    expect(() => new Connection({ baseUrl })).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });

  it('refuses headers that could not be sent', () => {
    expect(() => new Connection({ baseUrl: 'http://gpu', headers: { 'x-key': 'a\r\nb: c' } })).toThrow('x-key');
  });
});
