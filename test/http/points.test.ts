import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type WholeServer, wholeServer } from './whole.js';

describe('POST /v1/points/grants', () => {
  let server: WholeServer;
  beforeAll(async () => {
    server = await wholeServer({ config: { points: { enabled: true } } });
  });
  afterAll(() => server.close());

  const grant = async (key: string | undefined, amount: number) => {
    const answer = await server.app.inject({
      method: 'POST',
      url: '/v1/points/grants',
      headers: key === undefined ? {} : { 'idempotency-key': key },
      payload: { account_id: 'ann', amount, reason: 'a test' },
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  const credit = async () => (await server.easel.points?.balance('ann'))?.credit;

  test('counts once under a key, and refuses another grant under it', async () => {
    const first = await grant('monday', 5);
    expect(first).toMatchObject({ status: 200, body: { amount: 5, repeated: false } });
    expect(await grant('monday', 5)).toMatchObject({
      status: 200,
      body: { transfer_id: first.body.transfer_id, repeated: true },
    });
    expect(await grant('monday', 6)).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
    expect(await credit()).toBe(5);
    await grant(undefined, 1);
    await grant(undefined, 1);
    expect(await credit()).toBe(7);
  });

  test.each(['', 'two words', 'x'.repeat(256)])('refuses the key "%s", as every route does', async (key) => {
    const before = await credit();
    expect(await grant(key, 5)).toMatchObject({
      status: 400,
      body: { code: 'request_invalid', errors: [{ header: 'idempotency-key' }] },
    });
    expect(await credit()).toBe(before);
  });
});
