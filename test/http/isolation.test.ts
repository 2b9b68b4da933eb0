import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL_SCOPES } from '../../src/access/index.js';
import { listen } from '../../src/http/index.js';
import { GRAPH } from '../generations/harness.js';
import { type Answer, readEvents, type ServerEvent } from './harness.js';
import { type DeclaredRoute, declaredRoutes, requestOf } from './requests.js';
import { type WholeServer, wholeServer } from './whole.js';

/** Stands in everything that belongs to Ann, so that it is found wherever it leaks. */
const CANARY = 'canary-5f1c';

/** Objects of accounts, by the beginning of their routes. A route with a parameter is in one of these two lists. */
const OWNED = ['/v1/generations/:id', '/v1/media/:id', '/v1/webhooks/:id', '/v1/keys/:id', '/v1/sessions/:'];
/** What all accounts of an installation share, and who guards it. */
const SHARED: Readonly<Record<string, string>> = {
  '/v1/workflows/:name': 'workflows are of the installation; changing them needs workflows:write',
  '/v1/deployments/:id': 'as workflows',
  '/v1/backends/:id': 'backends are of the installation; changing them needs backends:admin',
  '/v1/types/:type': 'as workflows',
  '/v1/errors/:code': 'the catalogue of errors',
  '/v1/signed/media/:id': 'whoever has the address; see the tests of signed addresses',
  '/v1/hooks/': 'the path is the secret',
};

/** Finds nothing for its owner either: a code that nobody gave out. */
const ASKS_FOR_MORE = ['redeemLinkCode'];

describe('another account', () => {
  let server: WholeServer;
  let url = '';
  let routes: DeclaredRoute[] = [];
  const everythingBut = ALL_SCOPES.filter((scope) => scope !== 'accounts:any');
  let picture: Buffer;
  let ann: { readonly authorization: string };
  let bob: { readonly authorization: string };

  beforeAll(async () => {
    server = await wholeServer({ requireKeys: true, config: { http: { ratePerMinute: 1_000_000 } } });
    url = (await listen(server.app, { host: '127.0.0.1', port: 0 })).url;
    routes = declaredRoutes(server);
    picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    ann = await server.keyOf('ann', everythingBut);
    bob = await server.keyOf('bob', everythingBut);
  });
  afterAll(() => server.close());

  const isOwned = (path: string) => OWNED.some((prefix) => path.startsWith(prefix));

  async function as(who: object, method: 'GET' | 'POST', path: string, payload?: object): Promise<Answer> {
    const headers = { ...who };
    const answer = await server.app.inject({
      method,
      url: path,
      headers,
      ...(payload === undefined ? {} : { payload }),
    });
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.body}`);
    return answer.json();
  }

  /** One of Ann's objects of every kind, made anew; parameters of paths by name. */
  async function objectOf(path: string): Promise<Readonly<Record<string, string>>> {
    if (path.startsWith('/v1/generations')) return { id: await finished(), ordinal: '0' };
    if (path.startsWith('/v1/media')) return { id: (await stored()).media_id };
    if (path.startsWith('/v1/webhooks')) {
      const { id } = await as(ann, 'POST', '/v1/webhooks', {
        url: `https://example.com/${CANARY}`,
        events: ['generation.succeeded'],
      });
      const generation = await finished();
      const { data } = await as(ann, 'GET', `/v1/webhooks/${id}/deliveries`);
      return { id, message: data[0]?.message_id ?? `${generation}.4` };
    }
    if (path.startsWith('/v1/sessions')) return { id: (await as(ann, 'POST', '/v1/sessions', {})).id };
    if (path.startsWith('/v1/keys')) return { id: (await as(ann, 'POST', '/v1/keys', { name: CANARY })).id };
    throw new Error(`Say how an object for ${path} is made.`);
  }

  async function finished(): Promise<string> {
    const output = server.backend.addFile(`${CANARY}.txt`, Buffer.from(CANARY));
    server.backend.autoFinish = () => [output];
    const made = await as({ ...ann, prefer: 'wait=30' }, 'POST', '/v1/generations', {
      graph: GRAPH,
      metadata: { order: CANARY },
    });
    expect(made.status).toBe('succeeded');
    return made.id;
  }

  async function stored(): Promise<Answer> {
    const headers = { ...ann, 'content-type': 'image/png' };
    const path = `/v1/media?filename=${CANARY}.png`;
    const answer = await server.app.inject({ method: 'POST', url: path, headers, payload: picture });
    expect(answer.statusCode, answer.body).toBe(201);
    return answer.json();
  }

  test('has a place in the list for every route that names an object', () => {
    const unknown = routes.filter(
      ({ url: path }) =>
        path.includes(':') && !isOwned(path) && !Object.keys(SHARED).some((shared) => path.startsWith(shared)),
    );
    expect(unknown.map(({ method, url: path }) => `${method} ${path}`)).toEqual([]);
    expect(routes.filter(({ url: path }) => isOwned(path)).length).toBeGreaterThan(15);
  });

  test('finds nothing under the id of any object, whatever it does', async () => {
    for (const route of routes.filter(({ url: path, scopes }) => isOwned(path) && !scopes.includes('accounts:any'))) {
      const place = `${route.method} ${route.url}`;
      const object = await objectOf(route.url);
      const refused = await server.app.inject(requestOf(route, bob, object));
      expect([refused.statusCode, refused.json().code], place).toEqual([404, 'not_found']);
      expect(refused.body, place).not.toContain(CANARY);
      // The same request of its owner: it was refused for who asked, and not for what was asked.
      if (ASKS_FOR_MORE.includes(route.operationId)) continue;
      const allowed = await server.app.inject(requestOf(route, ann, object));
      expect(allowed.statusCode, `${place}: ${allowed.body}`).toBeLessThan(400);
    }
  });

  test('may not say that it is the owner', async () => {
    for (const route of routes.filter(({ url: path }) => isOwned(path))) {
      const object = await objectOf(route.url);
      const refused = await server.app.inject(requestOf(route, { ...bob, 'easel-account': 'ann' }, object));
      expect([refused.statusCode, refused.json().code], `${route.method} ${route.url}`).toEqual([403, 'scope_missing']);
    }
  });

  test('sees nothing of it in any list', async () => {
    const ids = [await finished(), (await stored()).media_id];
    for (const path of ['/v1/webhooks/:id', '/v1/keys/:id']) ids.push((await objectOf(path))['id'] ?? '');
    const lists = routes.filter(
      ({ method, url: path, isStream }) => method === 'GET' && !path.includes(':') && !isStream,
    );
    expect(lists.length).toBeGreaterThan(8);
    for (const route of lists) {
      const { body } = await server.app.inject(requestOf(route, bob));
      for (const secret of [CANARY, ...ids]) expect(body, `${route.url} tells of ${secret}`).not.toContain(secret);
    }
  });

  test('hears nothing of it in its stream', async () => {
    const stop = new AbortController();
    const stream = await fetch(`${url}/v1/events`, { headers: bob, signal: stop.signal });
    const events = readEvents(stream.body as unknown as AsyncIterable<Uint8Array>);
    await events.next();
    const foreign = await finished();
    const own = await as(bob, 'POST', '/v1/generations', { graph: GRAPH });
    const seen: ServerEvent[] = [];
    while (seen.at(-1)?.event !== 'succeeded') {
      const next = await events.next();
      if (next.done) throw new Error('The stream ended.');
      if (next.value.event !== undefined) seen.push(next.value);
    }
    stop.abort();
    expect(JSON.stringify(seen)).not.toContain(foreign);
    expect(new Set(seen.map(({ data }) => data.generation_id))).toEqual(new Set([own.id]));
  });

  test('cannot run what was uploaded by it', async () => {
    const { media_id: mediaId } = await stored();
    const graph = { ...GRAPH, '2': { class_type: 'LoadImage', inputs: { image: 'x.png' } } };
    const payload = { graph, inputs: { '2.image': { media_id: mediaId } } };
    const refused = await server.app.inject({ method: 'POST', url: '/v1/generations', headers: bob, payload });
    expect(refused.statusCode).toBe(404);
    expect(
      (await server.app.inject({ method: 'POST', url: '/v1/generations', headers: ann, payload })).statusCode,
    ).toBe(202);
  });

  test('has its own idempotency keys', async () => {
    const submit = (who: object) =>
      as({ ...who, 'idempotency-key': 'the-same' }, 'POST', '/v1/generations', { graph: GRAPH });
    expect((await submit(ann)).id).not.toBe((await submit(bob)).id);
  });

  test('can use a signed address exactly as it was signed, until it expires', async () => {
    const [{ media_id: id }, { media_id: another }] = [await stored(), await stored()];
    const link = new URL((await as(ann, 'POST', `/v1/media/${id}/link`, {})).url as string);
    const read = async (change: (address: URL) => void = () => {}) => {
      const address = new URL(link);
      change(address);
      return server.app.inject({ url: `${address.pathname}${address.search}` });
    };
    expect((await read()).rawPayload).toEqual(picture);
    const later = (address: URL) =>
      address.searchParams.set('expires', String(Number(address.searchParams.get('expires')) + 1));
    const signature = link.searchParams.get('signature') ?? '';
    for (const change of [
      (address: URL) => {
        address.pathname = address.pathname.replace(id, another);
      },
      (address: URL) => address.searchParams.set('account', 'bob'),
      later,
      (address: URL) =>
        address.searchParams.set(
          'signature',
          signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
        ),
      (address: URL) => address.searchParams.delete('signature'),
      (address: URL) => address.searchParams.set('expires', '1'),
    ]) {
      const refused = await read(change);
      expect(refused.statusCode).toBeGreaterThanOrEqual(400);
      expect(refused.statusCode).toBeLessThan(500);
      expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
    }
  });
});
