import { Webhook } from 'standardwebhooks';
import { afterEach, expect, test, vi } from 'vitest';
import { enqueueWebhooks, WEBHOOK_EVENTS, type Webhooks } from '../../src/webhooks/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ANN, makeGeneration, makeWebhooks, OK, pass, type Received, rest, tell } from './harness.js';

const HOUR = 3_600_000;
const LIFE = ['queued', 'started', 'collecting', 'succeeded'];

describeEachDatabase('webhooks', ({ createDb }) => {
  const running: Webhooks[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((webhooks) => webhooks.stop()));
    vi.useRealTimers();
  });
  const start = (webhooks: Webhooks) => {
    running.push(webhooks);
    webhooks.start();
  };

  test('tell what was asked for, signed, to whom it concerns', async () => {
    const db = await createDb();
    const { clock, webhooks, received } = makeWebhooks(db, () => OK);
    const mine = await webhooks.create({ accountId: ANN, url: 'https://ann.example/hook' });
    await webhooks.create({ accountId: ANN, url: 'https://ann.example/starts', events: ['generation.started'] });
    await webhooks.create({ accountId: 'bob', url: 'https://bob.example/hook' });
    const off = await webhooks.create({ accountId: ANN, url: 'https://ann.example/off' });
    await webhooks.update(off.endpoint.id, ANN, { enabled: false });
    const generation = await makeGeneration(db);
    await tell(db, generation, LIFE, clock.now());
    start(webhooks);
    await pass(clock, 30_000);
    expect(received.map(({ url, id }) => [url, id]).sort()).toEqual([
      ['https://ann.example/hook', `${generation}.4`],
      ['https://ann.example/starts', `${generation}.2`],
    ]);
    const message = received.find(({ url }) => url.endsWith('/hook')) as Received;
    vi.useFakeTimers({ now: message.at, toFake: ['Date'] });
    expect(new Webhook(mine.secret).verify(message.body, { ...message.headers })).toEqual({
      type: 'generation.succeeded',
      timestamp: new Date(message.at).toISOString(),
      data: { generation: { id: generation } },
    });
    expect(() => new Webhook(mine.secret).verify(`${message.body} `, { ...message.headers })).toThrow();
    const { deliveries } = await webhooks.deliveries(mine.endpoint.id, ANN);
    expect(deliveries).toMatchObject([{ messageId: `${generation}.4`, status: 'delivered', attemptCount: 1 }]);
    expect(await webhooks.delivery(mine.endpoint.id, `${generation}.4`, ANN)).toMatchObject({
      tries: [{ number: 1, status: 200, error: null, answer: 'ok' }],
    });
  });

  test('the outbox says whether an endpoint asked for an event', async () => {
    const db = await createDb();
    const { webhooks } = makeWebhooks(db, () => OK);
    const { endpoint } = await webhooks.create({ accountId: ANN, url: 'https://ann.example/hook' });
    const generationId = await makeGeneration(db);
    const enqueue = (seq: number, type: string) =>
      db.transaction((tx) => enqueueWebhooks(tx, { generationId, seq, type, at: 1 }));
    expect(await enqueue(1, 'succeeded')).toBe(true);
    expect(await enqueue(2, 'collecting')).toBe(false);
    await webhooks.remove(endpoint.id, ANN);
    expect(await enqueue(3, 'succeeded')).toBe(false);
  });

  test('what was rolled back is not told', async () => {
    const db = await createDb();
    const { clock, webhooks, received } = makeWebhooks(db, () => OK);
    await webhooks.create({ accountId: ANN, url: 'https://ann.example/hook' });
    const generation = await makeGeneration(db);
    const failed = db.transaction(async (tx) => {
      await enqueueWebhooks(tx, { generationId: generation, seq: 1, type: 'succeeded', at: 1 });
      throw new Error('rolled back');
    });
    await expect(failed).rejects.toThrow('rolled back');
    start(webhooks);
    await pass(clock, 30_000);
    expect(received).toEqual([]);
  });

  test('a receiver that is down for an hour gets everything, in order per generation', async () => {
    const db = await createDb();
    const { clock, webhooks, received } = makeWebhooks(db, ({ at }) => {
      if (at < back) return { status: 503, retryAfterMs: null, text: 'away' };
      return OK;
    });
    const back = clock.now() + HOUR;
    const { endpoint } = await webhooks.create({
      accountId: ANN,
      url: 'https://ann.example/hook',
      events: WEBHOOK_EVENTS,
    });
    const generations = await Promise.all(Array.from({ length: 12 }, () => makeGeneration(db)));
    for (const id of generations)
      await tell(db, id, ['queued', 'started', 'retrying', 'started', 'succeeded'], clock.now());
    start(webhooks);
    await pass(clock, HOUR / 2);
    expect((await webhooks.get(endpoint.id, ANN)).failingSince).not.toBeNull();
    // One message at a time asks whether it is back, and ever more rarely.
    expect(received.length).toBeLessThan(20);
    await pass(clock, HOUR / 2 + 10 * 60_000);
    const delivered = received.filter(({ at }) => at >= back);
    expect(delivered).toHaveLength(12 * 4);
    for (const id of generations) {
      const told = delivered.filter(({ body }) => body.includes(id)).map((message) => message.id);
      expect(told).toEqual([2, 3, 4, 5].map((seq) => `${id}.${seq}`));
    }
    expect((await webhooks.get(endpoint.id, ANN)).failingSince).toBeNull();
    expect((await webhooks.deliveries(endpoint.id, ANN, { status: 'pending' })).deliveries).toEqual([]);
  });

  test('are given up after a day, and go again when asked to', async () => {
    const db = await createDb();
    let answer = { ...OK, status: 500 };
    const { clock, webhooks, received } = makeWebhooks(db, () => answer, { tickMs: 60_000 });
    const { endpoint } = await webhooks.create({ accountId: ANN, url: 'https://ann.example/hook' });
    const generation = await makeGeneration(db);
    await tell(db, generation, LIFE, clock.now());
    start(webhooks);
    await pass(clock, 23 * HOUR);
    expect((await webhooks.deliveries(endpoint.id, ANN)).deliveries).toMatchObject([{ status: 'pending' }]);
    await pass(clock, 2 * HOUR);
    const dead = (await webhooks.deliveries(endpoint.id, ANN)).deliveries;
    expect(dead).toMatchObject([
      { status: 'dead', nextAt: null, lastStatus: 500, lastError: 'The receiver answered 500.' },
    ]);
    expect(received.length).toBe(dead[0]?.attemptCount);
    expect(received.length).toBeGreaterThan(20);
    // The pauses grow to an hour (`schedule.test.ts` has each of them; here a tick more or less may pass meanwhile).
    const pauses = received.slice(1).map(({ at }, index) => at - (received[index]?.at ?? 0));
    expect(pauses[0]).toBeLessThan(HOUR / 10);
    expect(pauses.at(-2)).toBeGreaterThan(HOUR * 0.9);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(HOUR * 1.21);
    answer = OK;
    await webhooks.redeliver(endpoint.id, `${generation}.4`, ANN);
    await pass(clock, 10 * 60_000);
    expect((await webhooks.deliveries(endpoint.id, ANN)).deliveries).toMatchObject([{ status: 'delivered' }]);
    expect(new Set(received.map(({ id }) => id)).size).toBe(1);
  });

  test('an endpoint that is gone, or fails for days, is turned off', async () => {
    const db = await createDb();
    const { clock, webhooks } = makeWebhooks(db, ({ url }) => ({ ...OK, status: url.endsWith('/gone') ? 410 : 500 }), {
      tickMs: 10 * 60_000,
    });
    const gone = (await webhooks.create({ accountId: ANN, url: 'https://ann.example/gone' })).endpoint.id;
    const broken = (await webhooks.create({ accountId: ANN, url: 'https://ann.example/broken' })).endpoint.id;
    start(webhooks);
    for (let day = 0; day < 4; day += 1) {
      await tell(db, await makeGeneration(db), LIFE, clock.now());
      await pass(clock, 24 * HOUR);
    }
    expect(await webhooks.get(gone, ANN)).toMatchObject({ enabled: false, disabledReason: /410/ });
    expect(await webhooks.get(broken, ANN)).toMatchObject({ enabled: false, disabledReason: /too long/ });
    expect(await webhooks.update(broken, ANN, { enabled: true })).toMatchObject({
      enabled: true,
      disabledReason: null,
    });
  });

  test('one that hangs does not hold up the others', async () => {
    const db = await createDb();
    const never = new Promise<never>(() => {});
    const { clock, webhooks, received } = makeWebhooks(db, ({ url, signal }) =>
      url.includes('hangs') ? Promise.race([never, aborted(signal)]) : OK,
    );
    await webhooks.create({ accountId: ANN, url: 'https://hangs.example/' });
    await webhooks.create({ accountId: ANN, url: 'https://works.example/' });
    for (let index = 0; index < 40; index += 1) await tell(db, await makeGeneration(db), LIFE, clock.now());
    start(webhooks);
    const works = () => received.filter(({ url }) => url.includes('works'));
    // The hanging ones never end, so however long it takes, they are still under way.
    for (let step = 0; step < 100 && works().length < 40; step += 1) await pass(clock, 10_000);
    expect(works()).toHaveLength(40);
    expect(received.filter(({ url }) => url.includes('hangs')).length).toBeLessThanOrEqual(8);
  });

  test('two nodes send each message once; a node that dies under way leaves it to the other', async () => {
    const db = await createDb();
    const first = makeWebhooks(db, ({ signal }) => aborted(signal));
    const second = makeWebhooks(db, () => OK, { clock: first.clock });
    await first.webhooks.create({ accountId: ANN, url: 'https://ann.example/hook' });
    for (let index = 0; index < 3; index += 1) await tell(db, await makeGeneration(db), LIFE, first.clock.now());
    first.webhooks.start();
    await rest(first.clock);
    expect(first.received).toHaveLength(3);
    // Stopped while the answers are out: nothing is written down, and the claims run out.
    await first.webhooks.stop();
    start(second.webhooks);
    await pass(second.clock, 30_000);
    expect(second.received).toHaveLength(0);
    await pass(second.clock, 30_000);
    expect(second.received.map(({ id }) => id).sort()).toEqual(first.received.map(({ id }) => id).sort());
  });

  test('while a secret is rotated both signatures are there', async () => {
    const db = await createDb();
    const { clock, webhooks, received } = makeWebhooks(db, () => OK);
    const { endpoint, secret: old } = await webhooks.create({ accountId: ANN, url: 'https://ann.example/hook' });
    const { secret } = await webhooks.rotateSecret(endpoint.id, ANN, { overlapMs: HOUR });
    start(webhooks);
    const verifies = (key: string, message: Received) => {
      vi.useFakeTimers({ now: message.at, toFake: ['Date'] });
      try {
        new Webhook(key).verify(message.body, { ...message.headers });
        return true;
      } catch {
        return false;
      } finally {
        vi.useRealTimers();
      }
    };
    await webhooks.sendTest(endpoint.id, ANN);
    await pass(clock, 30_000);
    expect([old, secret].map((key) => verifies(key, received[0] as Received))).toEqual([true, true]);
    await pass(clock, HOUR);
    await webhooks.sendTest(endpoint.id, ANN);
    await pass(clock, 30_000);
    expect([old, secret].map((key) => verifies(key, received[1] as Received))).toEqual([false, true]);
    expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({ type: 'webhook.test' });
  });

  test('belong to their account', async () => {
    const db = await createDb();
    const { webhooks } = makeWebhooks(db, () => OK);
    const { endpoint } = await webhooks.create({ accountId: ANN, url: 'https://ann.example/hook' });
    const messageId = await webhooks.sendTest(endpoint.id, ANN);
    for (const attempt of [
      () => webhooks.get(endpoint.id, 'bob'),
      () => webhooks.update(endpoint.id, 'bob', { enabled: false }),
      () => webhooks.remove(endpoint.id, 'bob'),
      () => webhooks.rotateSecret(endpoint.id, 'bob'),
      () => webhooks.deliveries(endpoint.id, 'bob'),
      () => webhooks.delivery(endpoint.id, messageId, 'bob'),
      () => webhooks.redeliver(endpoint.id, messageId, 'bob'),
      () => webhooks.sendTest(endpoint.id, 'bob'),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(await webhooks.list('bob')).toEqual([]);
    await webhooks.remove(endpoint.id, ANN);
    expect(await webhooks.list(ANN)).toEqual([]);
  });

  test('bad requests name the field', async () => {
    const { webhooks } = makeWebhooks(await createDb(), () => OK);
    const create = (more: object) => webhooks.create({ accountId: ANN, url: 'https://ann.example/', ...more });
    for (const [more, field] of [
      [{ url: 'ftp://ann.example/' }, 'url'],
      [{ url: 'nowhere' }, 'url'],
      [{ url: 'https://ann:secret@ann.example/' }, 'url'],
      [{ url: `https://ann.example/${'a'.repeat(2_000)}` }, 'url'],
      [{ events: [] }, 'events'],
      [{ events: ['generation.born'] }, 'events'],
      [{ description: 'a'.repeat(201) }, 'description'],
    ] as const) {
      await expect(create(more)).rejects.toMatchObject({ code: 'request_invalid', details: { field } });
    }
  });

  test('the list is paged, and what is old is swept from time to time', async () => {
    const db = await createDb();
    const { clock, webhooks } = makeWebhooks(db, () => OK, { keepDays: 1, tickMs: 10 * 60_000 });
    const { endpoint } = await webhooks.create({ accountId: ANN, url: 'https://ann.example/hook' });
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) ids.push(await webhooks.sendTest(endpoint.id, ANN));
    const first = await webhooks.deliveries(endpoint.id, ANN, { limit: 3 });
    const second = await webhooks.deliveries(endpoint.id, ANN, { limit: 3, before: first.next ?? '' });
    expect([...first.deliveries, ...second.deliveries].map(({ messageId }) => messageId)).toEqual(ids.sort().reverse());
    expect(second.next).toBeNull();
    start(webhooks);
    await pass(clock, 23 * HOUR);
    expect((await webhooks.deliveries(endpoint.id, ANN)).deliveries).toHaveLength(5);
    await pass(clock, 3 * HOUR);
    expect((await webhooks.deliveries(endpoint.id, ANN)).deliveries).toEqual([]);
    expect(await webhooks.sweep()).toBe(0);
  });
});

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
