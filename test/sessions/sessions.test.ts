import { expect, test } from 'vitest';
import type { SessionEvent } from '../../src/sessions/index.js';
import { SESSION_EVENT_TYPES } from '../../src/sessions/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ann, MINUTE, makeSessions, rowsOf } from './harness.js';

describeEachDatabase('sessions', ({ createDb, createDatabase }) => {
  test('a newcomer gets a guest account and a session, and finds both again', async () => {
    const { sessions } = makeSessions(await createDb());
    const first = await sessions.getOrCreate(ann);
    expect(first).toMatchObject({ isNew: true, isReturning: false });
    expect(first.session).toMatchObject({ ...ann, isGuest: true, revision: 1, values: {} });
    const again = await sessions.getOrCreate(ann);
    expect(again).toMatchObject({ isNew: false, isReturning: true });
    expect(again.session).toEqual(first.session);
    const other = await sessions.getOrCreate({ platform: 'discord', userId: 'ann' });
    expect(other.session.accountId).not.toBe(first.session.accountId);
  });

  test('one user asked for at the same time on two nodes gets one session', async () => {
    const database = await createDatabase();
    const nodes = [await database.open(), await database.open()].map((db) => makeSessions(db).sessions);
    for (let round = 0; round < 5; round++) {
      const opened = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          nodes[index % 2]!.getOrCreate({ platform: 'web', userId: `user-${round}` }),
        ),
      );
      expect(new Set(opened.map(({ session }) => session.id)).size).toBe(1);
      expect(new Set(opened.map(({ session }) => session.accountId)).size).toBe(1);
      expect(opened.filter(({ isNew }) => isNew)).toHaveLength(1);
    }
  });

  test('a platform that knows the account says so, and cannot say another later', async () => {
    const { sessions } = makeSessions(await createDb());
    const { session } = await sessions.getOrCreate({ ...ann, accountId: 'a-1' });
    expect(session).toMatchObject({ accountId: 'a-1', isGuest: false });
    await expect(sessions.getOrCreate({ ...ann, accountId: 'a-2' })).rejects.toMatchObject({
      code: 'session_identity_taken',
    });
    expect((await sessions.getOrCreate(ann)).session.accountId).toBe('a-1');
  });

  test('the user of the platform "account" is the account', async () => {
    const { sessions } = makeSessions(await createDb());
    await expect(sessions.getOrCreate({ platform: 'account', userId: 'a-1' })).rejects.toMatchObject({
      code: 'request_invalid',
    });
    await expect(sessions.getOrCreate({ platform: 'account', userId: 'a-1', accountId: 'a-2' })).rejects.toMatchObject({
      code: 'request_invalid',
    });
    const { session } = await sessions.getOrCreate({ platform: 'account', userId: 'a-1', accountId: 'a-1' });
    expect(session.accountId).toBe('a-1');
  });

  test('names that do not fit are refused', async () => {
    const { sessions } = makeSessions(await createDb());
    for (const [platform, userId] of [
      ['', 'x'],
      ['Tele Gram', 'x'],
      ['x'.repeat(64), 'x'],
      ['web', ''],
      ['web', 'x'.repeat(256)],
      ['web', 'a\0b'],
      ['web', '\uD800'],
    ] as const) {
      await expect(sessions.getOrCreate({ platform, userId })).rejects.toMatchObject({ code: 'request_invalid' });
    }
  });

  test('values of every kind come back as they were', async () => {
    const { sessions } = makeSessions(await createDb());
    const { session } = await sessions.getOrCreate(ann);
    const values = {
      text: 'Grüße \u{1F3A8}',
      number: 0.5,
      seed: 18446744073709551615n,
      yes: true,
      nothing: null,
      list: [1, ['a'], { b: null }],
    };
    for (const [name, value] of Object.entries(values).slice(0, 5)) await sessions.set(session.id, name, value);
    const changed = await sessions.update(session.id, { values: { nothing: undefined, list: values.list } });
    const { nothing: _, ...left } = values;
    expect(changed.values).toEqual(left);
    expect((await sessions.get(session.id)).values).toEqual(left);
    expect(changed.revision).toBe(7);
  });

  test('limits hold per value, in number and in all, and what is refused changes nothing', async () => {
    const { sessions } = makeSessions(await createDb());
    const { id } = (await sessions.getOrCreate(ann)).session;
    const refused = async (values: object) =>
      expect(sessions.update(id, { values: values as never })).rejects.toMatchObject({ code: 'session_limit' });
    await refused({ a: 'x'.repeat(199) });
    await refused(Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name, 1])));
    await refused({ a: 'x'.repeat(190), b: 'x'.repeat(190), c: 'x'.repeat(190) });
    let deep: unknown = 1;
    for (let level = 0; level < 40; level++) deep = [deep];
    for (const value of [Number.NaN, () => 1, new Date(), 'a\0b', '\uD800', { a: undefined }, deep])
      await refused({ a: value });
    for (const name of ['', '__proto__', 'a b', 'x'.repeat(101)]) {
      await expect(sessions.update(id, { values: Object.fromEntries([[name, 1]]) })).rejects.toMatchObject({
        code: 'request_invalid',
      });
    }
    expect(await sessions.get(id)).toMatchObject({ values: {}, revision: 1 });
    // What is replaced does not count twice.
    await sessions.update(id, { values: { a: 'x'.repeat(190), b: 'x'.repeat(190) } });
    await sessions.update(id, { values: { a: 'y'.repeat(198) } });
  });

  test('a revision guards against changes of others', async () => {
    const { sessions } = makeSessions(await createDb());
    const { session } = await sessions.getOrCreate(ann);
    await sessions.update(session.id, { values: { a: 1 } }, { ifRevision: 1 });
    await expect(sessions.update(session.id, { values: { a: 2 } }, { ifRevision: 1 })).rejects.toMatchObject({
      code: 'session_conflict',
      details: { revision: 2 },
    });
    expect((await sessions.get(session.id)).values).toEqual({ a: 1 });
  });

  test('two nodes count one value up, and lose nothing', async () => {
    const database = await createDatabase();
    const nodes = [await database.open(), await database.open()].map((db) => makeSessions(db).sessions);
    const { id } = (await nodes[0]!.getOrCreate(ann)).session;
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        nodes[index % 2]!.update(id, ({ values }) => ({ values: { count: Number(values['count'] ?? 0) + 1 } })),
      ),
    );
    expect(await nodes[1]!.get(id)).toMatchObject({ values: { count: 40 }, revision: 41 });
  });

  test('it expires when it was idle, per platform, and then there is nothing left of it but what is remembered', async () => {
    const db = await createDb();
    const { sessions, clock } = makeSessions(db);
    const { session } = await sessions.getOrCreate(ann);
    await sessions.update(session.id, {
      values: { step: 3 },
      locale: 'pt-br',
      workflow: 'portrait',
      backend: 'gpu-1',
      inputs: { portrait: { prompt: 'a cat', seed: 18446744073709551615n } },
    });
    const kiosk = (await sessions.getOrCreate({ platform: 'kiosk', userId: '1' })).session;
    await clock.advance(14 * MINUTE);
    await expect(sessions.get(kiosk.id)).rejects.toMatchObject({ code: 'not_found' });
    expect((await sessions.touch(session.id)).expiresAt).toBe(clock.now() + 15 * MINUTE);
    await clock.advance(15 * MINUTE - 1);
    expect((await sessions.get(session.id)).values).toEqual({ step: 3 });
    await clock.advance(1);
    await expect(sessions.get(session.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(sessions.touch(session.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(sessions.set(session.id, 'a', 1)).rejects.toMatchObject({ code: 'not_found' });
    expect(await sessions.remove(session.id)).toBe(false);
    expect(await sessions.list()).toEqual([]);
    expect(await sessions.sweep()).toEqual({ expired: 2 });
    expect(await rowsOf(db)).toMatchObject({ session_identities: 2, session_preferences: 4 });
    expect(await rowsOf(db)).not.toHaveProperty('sessions');
    expect(await rowsOf(db)).not.toHaveProperty('session_values');

    const back = await sessions.getOrCreate(ann);
    expect(back).toMatchObject({ isNew: true, isReturning: true });
    expect(back.session).toMatchObject({ accountId: session.accountId, values: {} });
    expect(back.session.preferences).toEqual({
      locale: 'pt-BR',
      workflow: 'portrait',
      backend: 'gpu-1',
      inputs: { portrait: { prompt: 'a cat', seed: 18446744073709551615n } },
    });
  });

  test('who comes back before the sweep gets a new session, and the old values are gone from the table', async () => {
    const db = await createDb();
    const { sessions, clock } = makeSessions(db);
    const { session } = await sessions.getOrCreate(ann);
    await sessions.set(session.id, 'secret', 'x');
    await clock.advance(15 * MINUTE);
    const { session: next } = await sessions.getOrCreate(ann);
    expect(next.id).not.toBe(session.id);
    expect(await rowsOf(db)).toMatchObject({ sessions: 1 });
    expect(await rowsOf(db)).not.toHaveProperty('session_values');
  });

  test('a clock that goes back takes no time away', async () => {
    const { sessions, clock } = makeSessions(await createDb());
    const { session } = await sessions.getOrCreate(ann);
    clock.jumpTo(clock.now() - 60 * MINUTE);
    const back = await sessions.getOrCreate(ann);
    expect(back).toMatchObject({ isNew: false });
    expect(back.session).toMatchObject({ expiresAt: session.expiresAt, touchedAt: session.touchedAt });
    expect(await sessions.sweep()).toEqual({ expired: 0 });
  });

  test('the inputs of the workflows that were used last are remembered', async () => {
    const { sessions, clock } = makeSessions(await createDb());
    const { session } = await sessions.getOrCreate(ann);
    for (const workflow of ['one', 'two', 'three', 'one', 'four']) {
      await clock.advance(1);
      await sessions.update(session.id, { inputs: { [workflow]: { prompt: workflow } } });
    }
    const { inputs } = (await sessions.get(session.id)).preferences;
    expect(Object.keys(inputs)).toEqual(['four', 'one', 'three']);
    await sessions.update(session.id, { inputs: { one: null }, locale: 'de' });
    await sessions.update(session.id, { locale: null });
    expect((await sessions.get(session.id)).preferences).toMatchObject({ locale: null });
    expect(Object.keys((await sessions.get(session.id)).preferences.inputs)).toEqual(['four', 'three']);
    for (const change of [{ locale: 'not a locale' }, { workflow: '' }, { inputs: { a: { b: 'x'.repeat(300) } } }])
      await expect(sessions.update(session.id, change)).rejects.toMatchObject({
        code: /request_invalid|session_limit/,
      });
  });

  test('many at once', async () => {
    const { sessions, clock } = makeSessions(await createDb());
    const ids: string[] = [];
    for (let index = 0; index < 12; index++) {
      const { session } = await sessions.getOrCreate({
        platform: index % 3 === 0 ? 'kiosk' : 'web',
        userId: `${index}`,
      });
      ids.push(session.id);
    }
    const page = await sessions.list({ limit: 5 });
    expect(page.map(({ id }) => id)).toEqual(ids.slice(0, 5));
    expect((await sessions.list({ after: ids[4]!, platform: 'web' })).map(({ userId }) => userId)).toEqual([
      '5',
      '7',
      '8',
      '10',
      '11',
    ]);
    await clock.advance(2 * MINUTE);
    expect(
      (await sessions.getMany([...ids, 'none'])).map(({ userId }) => Number(userId)).sort((a, b) => a - b),
    ).toEqual([1, 2, 4, 5, 7, 8, 10, 11]);
    expect(await sessions.touchMany([])).toEqual([]);
    expect((await sessions.touchMany(ids)).length).toBe(8);
    const tooMany = Array.from({ length: 1_001 }, (_, index) => `${index}`);
    for (const work of ['getMany', 'touchMany', 'removeMany'] as const)
      await expect(sessions[work](tooMany)).rejects.toMatchObject({ code: 'request_invalid' });
    expect((await sessions.removeMany(ids.slice(0, 6))).sort()).toEqual([ids[1], ids[2], ids[4], ids[5]].sort());
    expect((await sessions.list()).length).toBe(4);
  });

  test('events are told once, in order, on every node, from when it listens', async () => {
    const database = await createDatabase();
    const clock = new VirtualClock();
    const [one, two] = [await database.open(), await database.open()].map((db) => makeSessions(db, { clock }).sessions);
    const early = (await one!.getOrCreate({ platform: 'web', userId: 'early' })).session;
    await clock.advance(10_000);
    const heard: Record<string, SessionEvent[]> = { one: [], two: [] };
    const stop = SESSION_EVENT_TYPES.flatMap((type) => [
      one!.on(type, (event) => heard['one']!.push(event)),
      two!.on(type, (event) => heard['two']!.push(event)),
    ]);
    const { session } = await one!.getOrCreate(ann);
    await two!.update(session.id, { values: { a: 1 }, locale: 'de' });
    await two!.touch(session.id);
    await one!.remove(early.id);
    await settle(clock, () => heard['one']!.length >= 3 && heard['two']!.length >= 3);
    await clock.advance(15 * MINUTE);
    await two!.sweep();
    await settle(clock, () => heard['one']!.length >= 4 && heard['two']!.length >= 4);
    const short = (events: readonly SessionEvent[]) =>
      events.filter(({ sessionId }) => sessionId === session.id).map(({ type, seq, changed }) => [type, seq, changed]);
    const expected = [
      ['created', 1, []],
      ['updated', 2, ['a', 'locale']],
      ['expired', 3, []],
    ];
    expect(short(heard['one']!)).toEqual(expected);
    expect(short(heard['two']!)).toEqual(expected);
    expect(heard['one']!.filter(({ sessionId }) => sessionId === early.id).map(({ type }) => type)).toEqual([
      'removed',
    ]);
    for (const end of stop) end();
    await one!.getOrCreate(ann);
    await clock.advance(5_000);
    expect(heard['one']).toHaveLength(4);
    // Kept for minutes only.
    await clock.advance(10 * MINUTE);
    await one!.sweep();
    expect(await rowsOf(await database.open())).not.toHaveProperty('session_events');
    await Promise.all([one!.stop(), two!.stop()]);
    expect(clock.pending).toBe(0);
  });

  test('events of a newer Easel hide none of those that come after a full page', async () => {
    const db = await createDb();
    const clock = new VirtualClock();
    const { sessions } = makeSessions(db, { clock });
    const heard: string[] = [];
    const end = sessions.on('created', ({ sessionId }) => heard.push(sessionId));
    await clock.advance(1);
    const rows = Array.from({ length: 620 }, (_, index) => ({
      session_id: `s-${String(index).padStart(4, '0')}`,
      seq: 1,
      type: index % 100 === 0 ? 'archived' : 'created',
      platform: 'web',
      user_id: `${index}`,
      account_id: 'a',
      data: '{}',
      at: clock.now(),
    }));
    await db.transaction((tx) => tx.insertInto('session_events').values(rows).execute());
    await settle(clock, () => heard.length >= 613);
    expect(heard).toEqual(rows.filter(({ type }) => type === 'created').map((row) => row.session_id));
    end();
    await sessions.stop();
    expect(clock.pending).toBe(0);
  });

  test('all that is known of an account can be removed', async () => {
    const db = await createDb();
    const { sessions } = makeSessions(db);
    const { session } = await sessions.getOrCreate(ann);
    await sessions.update(session.id, { values: { a: 1 }, locale: 'de' });
    await sessions.createLinkCode(session.id);
    expect(await sessions.forget(session.accountId)).toBe(1);
    const { session_events: _, ...left } = await rowsOf(db);
    expect(left).toEqual({});
  });
});

/** Lets time pass by small steps, for work that waits for the database in between. */
async function settle(clock: { advance(ms: number): Promise<void> }, isDone: () => boolean): Promise<void> {
  for (let step = 0; step < 2_000 && !isDone(); step++) await clock.advance(10);
}
