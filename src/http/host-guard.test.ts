import { describe, expect, test } from 'vitest';
import { checkHost, hostName, isLoopbackName } from './host-guard.js';

const refused = (
  headers: Record<string, string>,
  { method = 'GET', allowedHosts = ['127.0.0.1'] }: { method?: string; allowedHosts?: string[] } = {},
): boolean => {
  try {
    checkHost({ allowedHosts }, { method, headers });
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'origin_forbidden' });
    return true;
  }
};

describe('the Host header', () => {
  test.each([
    ['127.0.0.1:8288', false],
    ['127.8.8.8', false],
    ['localhost:1', false],
    ['LocalHost:8288', false],
    ['easel.localhost', false],
    ['[::1]:8288', false],
    ['evil.example:8288', true],
    ['localhost.evil.example', true],
    ['127.0.0.1.evil.example', true],
    ['0.0.0.0:8288', true],
    ['192.168.1.5:8288', true],
    ['', true],
    ['127.0.0.1:8288@evil.example', true],
    ['a b', true],
  ])('%j', (host, expected) => {
    expect(refused({ host })).toBe(expected);
  });

  test('may be a name that is allowed', () => {
    expect(refused({ host: 'Easel.example:443' }, { allowedHosts: ['easel.example'] })).toBe(false);
    expect(refused({ host: '[fd00::1]:8288' }, { allowedHosts: ['fd00::1'] })).toBe(false);
    expect(refused({ host: 'other.example' }, { allowedHosts: ['easel.example'] })).toBe(true);
  });

  test('may be any address, but no name, where every address is listened on', () => {
    for (const wildcard of ['0.0.0.0', '::']) {
      expect(refused({ host: '192.168.1.5:8288' }, { allowedHosts: [wildcard] })).toBe(false);
      expect(refused({ host: '[fd00::1]:8288' }, { allowedHosts: [wildcard] })).toBe(false);
      expect(refused({ host: 'evil.example' }, { allowedHosts: [wildcard] })).toBe(true);
    }
  });
});

describe('the origin of a request that changes something', () => {
  const host = '127.0.0.1:8288';

  test.each([
    ['http://127.0.0.1:8288', false],
    ['http://localhost:3000', false],
    ['https://[::1]:8288', false],
    ['http://evil.example', true],
    ['http://evil.example:8288', true],
    ['http://127.0.0.1.evil.example', true],
    ['null', true],
    ['', true],
    ['http://localhost@evil.example', true],
    ['chrome-extension://localhost', true],
  ])('%j', (origin, expected) => {
    expect(refused({ host, origin }, { method: 'POST' })).toBe(expected);
    expect(refused({ host, origin }, { method: 'GET' })).toBe(false);
  });

  test('is told by Sec-Fetch-Site where there is no Origin', () => {
    expect(refused({ host, 'sec-fetch-site': 'cross-site' }, { method: 'POST' })).toBe(true);
    expect(refused({ host, 'sec-fetch-site': 'same-origin' }, { method: 'POST' })).toBe(false);
    expect(refused({ host }, { method: 'DELETE' })).toBe(false);
  });

  test('may be our own host, whatever it is called', () => {
    const own = { host: '192.168.1.5:8288', origin: 'http://192.168.1.5:8288' };
    expect(refused(own, { method: 'POST', allowedHosts: ['0.0.0.0'] })).toBe(false);
    const neighbour = { ...own, origin: 'http://192.168.1.66' };
    expect(refused(neighbour, { method: 'POST', allowedHosts: ['0.0.0.0'] })).toBe(true);
  });
});

test('hostName takes off port and dot', () => {
  expect(hostName('Example.ORG.:80')).toBe('example.org');
  expect(hostName('[::1]')).toBe('[::1]');
  expect(hostName('a/b')).toBeNull();
});

test('isLoopbackName', () => {
  expect(['localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]', 'x.localhost'].every(isLoopbackName)).toBe(true);
  expect(['0.0.0.0', '::', '10.0.0.1', 'localhost.example', '127.0.0.1.example'].some(isLoopbackName)).toBe(false);
});
