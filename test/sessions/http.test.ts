import { afterEach, describe, expect, test } from 'vitest';
import { ALL_SCOPES, USER_SCOPES } from '../../src/access/index.js';
import { GRAPH } from '../generations/harness.js';
import { type WholeServer, wholeServer } from '../http/whole.js';

describe('sessions over HTTP', () => {
  let server: WholeServer | null = null;
  afterEach(async () => {
    await server?.close();
    server = null;
  });

  async function start(config: object = {}) {
    const made = await wholeServer({ requireKeys: true, config });
    server = made;
    const caller =
      (headers: object) => async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) => {
        const answer = await made.app.inject({ method, url, headers: { ...headers }, ...(payload ? { payload } : {}) });
        return { status: answer.statusCode, headers: answer.headers, body: answer.body === '' ? null : answer.json() };
      };
    const bot = caller(await made.keyOf('bot', ALL_SCOPES));
    const user = caller(await made.keyOf('ann', USER_SCOPES));
    return { ...made, caller, bot, user };
  }

  test('a bot opens, reads, changes, touches, lists and ends the session of a user', async () => {
    const { bot } = await start();
    const opened = await bot('POST', '/v1/sessions', { platform: 'telegram', user_id: '42' });
    expect(opened.status).toBe(201);
    expect(opened.body).toMatchObject({
      platform: 'telegram',
      user_id: '42',
      guest: true,
      returning: false,
      values: {},
    });
    const url = `/v1/sessions/${opened.body.id}`;
    expect((await bot('POST', '/v1/sessions', { platform: 'telegram', user_id: '42' })).status).toBe(200);
    const changed = await bot('PATCH', url, {
      ...{ values: { step: 1, camelCase: { aB: null } }, locale: 'pt-br', workflow: 'portrait', backend_id: 'gpu' },
      inputs: { portrait: { someInput: 'x' } },
      if_revision: 1,
    });
    expect(changed.body).toMatchObject({
      revision: 2,
      values: { step: 1, camelCase: { aB: null } },
      preferences: {
        locale: 'pt-BR',
        workflow: 'portrait',
        backend_id: 'gpu',
        inputs: { portrait: { someInput: 'x' } },
      },
    });
    expect((await bot('PATCH', url, { values: { step: 2 }, if_revision: 1 })).body.code).toBe('session_conflict');
    expect((await bot('PATCH', url, { remove: ['step'] })).body.values).toEqual({ camelCase: { aB: null } });
    expect((await bot('PATCH', url, { values: { big: 'x'.repeat(20_000) } })).status).toBe(422);
    expect((await bot('POST', `${url}/touch`)).status).toBe(200);
    expect((await bot('GET', '/v1/sessions?platform=telegram&limit=1')).body).toMatchObject({
      data: [{ user_id: '42' }],
      next_after: opened.body.id,
    });
    expect((await bot('DELETE', url)).status).toBe(204);
    expect((await bot('GET', url)).status).toBe(404);
  });

  test('a key of one account has the session of that account, and none of others', async () => {
    const { bot, user } = await start();
    const own = (await user('POST', '/v1/sessions')).body;
    expect(own).toMatchObject({ platform: 'account', user_id: 'ann', account_id: 'ann', guest: false });
    const other = (await bot('POST', '/v1/sessions', { platform: 'web', user_id: '1' })).body;
    expect((await user('GET', `/v1/sessions/${other.id}`)).status).toBe(404);
    expect((await user('PATCH', `/v1/sessions/${other.id}`, { values: { a: 1 } })).status).toBe(404);
    expect((await user('DELETE', `/v1/sessions/${other.id}`)).status).toBe(404);
    expect((await user('POST', '/v1/sessions', { platform: 'telegram', user_id: 'victim' })).status).toBe(403);
    expect((await user('POST', '/v1/sessions', { account_id: 'bot' })).status).toBe(403);
    expect((await user('GET', '/v1/sessions?account_id=bot')).status).toBe(403);
    expect((await user('POST', `/v1/sessions/${own.id}/claim`, { account_id: 'bot' })).status).toBe(403);
    expect((await user('GET', '/v1/sessions')).body.data.map(({ id }: { id: string }) => id)).toEqual([own.id]);
    expect((await bot('POST', '/v1/sessions', { platform: 'telegram' })).status).toBe(400);
  });

  test('a guest on one platform is linked to a key’s account by a code', async () => {
    const { bot, user } = await start();
    const own = (await user('POST', '/v1/sessions')).body;
    const made = await user('POST', `/v1/sessions/${own.id}/link-codes`);
    expect(made.status).toBe(201);
    const guest = (await bot('POST', '/v1/sessions', { platform: 'telegram', user_id: '42' })).body;
    for (let index = 0; index < 2; index++)
      expect((await bot('POST', `/v1/sessions/${guest.id}/link`, { code: 'WRONG-WRONG' })).body.code).toBe(
        'session_code_invalid',
      );
    const linked = await bot('POST', `/v1/sessions/${guest.id}/link`, { code: made.body.code });
    expect(linked.body).toEqual({ account_id: 'ann', merged_from: guest.account_id, moved: {} });
    expect((await user('GET', `/v1/sessions/${guest.id}`)).body).toMatchObject({ account_id: 'ann', guest: false });
    for (let index = 0; index < 5; index++) await bot('POST', `/v1/sessions/${guest.id}/link`, { code: 'WRONG-WRONG' });
    const tired = await bot('POST', `/v1/sessions/${guest.id}/link`, { code: 'WRONG-WRONG' });
    expect(tired.status).toBe(429);
    expect(Number(tired.headers['retry-after'])).toBeGreaterThan(0);
  });

  test('a full waiting room answers 429 with the time to come back; what waits tells its place', async () => {
    const { bot, caller, keyOf } = await start({
      sessions: { waitingRoom: { guest: { maxOpen: 3, maxQueued: 2 } } },
    });
    const guest = (await bot('POST', '/v1/sessions', { platform: 'telegram', user_id: '42' })).body;
    const forGuest = caller({ ...(await keyOf('bot', ALL_SCOPES)), 'easel-account': guest.account_id });
    const bodies = [];
    for (let index = 0; index < 6; index++)
      bodies.push(await forGuest('POST', '/v1/generations', { graph: GRAPH, session_id: guest.id }));
    const full = bodies.at(-1)!;
    expect(full.status).toBe(429);
    expect(full.body).toMatchObject({ code: 'waiting_room_full', details: { scope: 'account' } });
    expect(Number(full.headers['retry-after'])).toBeGreaterThan(0);
    const accepted = bodies.filter(({ status }) => status === 202);
    expect(accepted.length).toBeLessThanOrEqual(3);
    expect(accepted[0]!.body.session_id).toBe(guest.id);
    const last = (await forGuest('GET', `/v1/generations/${accepted.at(-1)!.body.id}`)).body;
    expect(last.status).toBe('queued');
    expect(last.queue.position).toBeGreaterThanOrEqual(1);
    expect((await bot('POST', `/v1/sessions/${guest.id}/claim`, { account_id: 'ann' })).body.code).toBe(
      'session_link_refused',
    );
  });
});
