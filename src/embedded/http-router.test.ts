import { describe, expect, it } from 'vitest';
import { Router } from './http-router.js';

const router = new Router([
  { method: 'GET', pattern: '/queue', handler: () => ({ status: 200 }) },
  { method: 'POST', pattern: '/queue', handler: () => ({ status: 201 }) },
  { method: 'POST', pattern: '/interrupt', handler: () => ({ status: 202 }) },
  { method: 'GET', pattern: '/history/{id}', handler: ({ params }) => ({ status: 200, body: params['id']! }) },
  { method: 'GET', pattern: '/internal/logs', handler: () => ({ status: 200 }), isLiteral: true },
]);

async function answer(method: string, path: string) {
  const { handler, params } = router.find(method, path);
  return handler({ method, params } as never);
}

describe('Router', () => {
  it.each([
    ['GET', '/queue', 200],
    ['HEAD', '/queue', 200],
    ['POST', '/api/queue', 201],
    ['GET', '/queue/', 404],
    ['GET', '/nope', 404],
    ['POST', '/nope', 405],
    ['GET', '/interrupt', 404],
    ['DELETE', '/queue', 405],
    ['GET', '/internal/logs', 200],
    ['GET', '/api/internal/logs', 404],
    ['GET', '/api/api/queue', 404],
  ])('%s %s -> %i', async (method, path, status) => {
    expect((await answer(method, path)).status).toBe(status);
  });

  it('names the methods that are allowed', async () => {
    expect((await answer('PUT', '/queue')).headers?.['allow']).toBe('GET,HEAD,POST');
  });

  it('takes one path segment as a parameter, a slash only when escaped', async () => {
    expect((await answer('GET', '/api/history/my%20id%2F1')).body).toBe('my id/1');
    expect((await answer('GET', '/history/a/b')).status).toBe(404);
    expect((await answer('GET', '/history/100%')).body).toBe('100%');
  });
});
