import { expect, test } from 'vitest';
import { ownedKeys } from '../../src/access/index.js';
import type { Db } from '../../src/db/index.js';
import { ownedGenerations } from '../../src/generations/index.js';
import { ownedFiles } from '../../src/media/index.js';
import { OwnedPoints, Points } from '../../src/points/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ADMIN, POINT, SETTINGS as POINT_SETTINGS } from '../points/harness.js';
import { ann, MINUTE, makeSessions } from './harness.js';

const discord = { platform: 'discord', userId: 'ann#1' };

function make(db: Db) {
  const clock = new VirtualClock();
  const settings = {
    ...POINT_SETTINGS,
    defaultPlan: 'free',
    prices: [{ workflow: '*', flat: 1 }],
  };
  const points = new Points({ db, clock, settings });
  const belongings = [ownedGenerations, ownedFiles, ownedKeys(clock), new OwnedPoints(clock, points.policy)];
  return { ...makeSessions(db, { clock, belongings }), points };
}

async function addGeneration(
  db: Db,
  accountId: string,
  more: { readonly id: string; readonly key?: string; readonly isOpen?: boolean },
) {
  await db.transaction((tx) =>
    tx
      .insertInto('generations')
      .values({
        id: more.id,
        account_id: accountId,
        status: more.isOpen === true ? 'queued' : 'succeeded',
        lane: 0,
        idempotency_key: more.key ?? null,
        model_key: '',
        lora_key: '',
        attempt_count: 0,
        max_attempts: 1,
        unaccepted_count: 0,
        available_at: 0,
        created_at: 0,
        updated_at: 0,
        queue_deadline_at: 0,
        run_limit_ms: 1,
        finished_at: more.isOpen === true ? null : 1,
        event_seq: 1,
      })
      .execute(),
  );
}

async function ownerOf(db: Db, id: string) {
  return db.kysely
    .selectFrom('generations')
    .select(['account_id', 'idempotency_key'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
}

describeEachDatabase('linking', ({ createDb }) => {
  test('a guest becomes part of an account by a code, with all that it owns but its allowance', async () => {
    const db = await createDb();
    const { sessions, points, clock } = make(db);
    const real = (await sessions.getOrCreate({ ...ann, accountId: 'a-1' })).session;
    await sessions.update(real.id, { locale: 'de' });
    const guest = (await sessions.getOrCreate(discord)).session;
    await sessions.update(guest.id, { values: { step: 2 }, locale: 'fr', workflow: 'portrait' });
    await points.grant({ accountId: guest.accountId, amount: 5 * POINT, idempotencyKey: 'a', authority: ADMIN });
    await points.grant({
      accountId: guest.accountId,
      amount: 2 * POINT,
      expiresAt: clock.now() + MINUTE,
      idempotencyKey: 'b',
      authority: ADMIN,
    });
    await addGeneration(db, 'a-1', { id: 'g-1', key: 'same' });
    await addGeneration(db, guest.accountId, { id: 'g-2', key: 'same' });
    await addGeneration(db, guest.accountId, { id: 'g-3', key: 'other' });

    const { code } = await sessions.createLinkCode(real.id);
    expect(code).toMatch(/^[2-9A-HJ-NP-Z]{5}-[2-9A-HJ-NP-Z]{5}$/);
    const linked = await sessions.redeemLinkCode(guest.id, ` ${code.toLowerCase().replace('-', ' ')}`);
    expect(linked).toEqual({
      accountId: 'a-1',
      mergedFrom: guest.accountId,
      moved: { generations: 2, points: 7 * POINT },
    });
    // The session goes on, with its values, and is the account's now.
    expect(await sessions.get(guest.id)).toMatchObject({ accountId: 'a-1', isGuest: false, values: { step: 2 } });
    expect((await sessions.get(guest.id)).preferences).toMatchObject({ locale: 'de', workflow: 'portrait' });
    expect(await ownerOf(db, 'g-2')).toEqual({ account_id: 'a-1', idempotency_key: null });
    expect(await ownerOf(db, 'g-3')).toEqual({ account_id: 'a-1', idempotency_key: 'other' });
    expect(await points.balance('a-1')).toMatchObject({ credit: 7 * POINT, allowance: 100 * POINT });
    expect((await points.balance('a-1')).expiring).toHaveLength(1);
    expect((await points.balance(guest.accountId)).credit).toBe(0);
    expect(await points.verify()).toMatchObject({ ok: true });
    expect((await sessions.identities('a-1')).map(({ platform }) => platform).sort()).toEqual(['discord', 'telegram']);
    // Later too.
    await clock.advance(20 * MINUTE);
    expect((await sessions.getOrCreate(discord)).session).toMatchObject({ accountId: 'a-1' });
  });

  test('a code works once, for minutes, and there is one at a time', async () => {
    const db = await createDb();
    const { sessions, clock } = make(db);
    const real = (await sessions.getOrCreate({ ...ann, accountId: 'a-1' })).session;
    const { code: first } = await sessions.createLinkCode(real.id);
    const { code } = await sessions.createLinkCode(real.id);
    const stored = await db.kysely.selectFrom('session_link_codes').selectAll().execute();
    expect(stored).toHaveLength(1);
    expect(JSON.stringify(stored)).not.toContain(code.slice(0, 5));
    const guest = (await sessions.getOrCreate(discord)).session;
    await expect(sessions.redeemLinkCode(guest.id, first)).rejects.toMatchObject({ code: 'session_code_invalid' });
    await sessions.redeemLinkCode(guest.id, code);
    const other = (await sessions.getOrCreate({ platform: 'web', userId: '2' })).session;
    await expect(sessions.redeemLinkCode(other.id, code)).rejects.toMatchObject({ code: 'session_code_invalid' });
    const { code: late } = await sessions.createLinkCode(real.id);
    await clock.advance(10 * MINUTE);
    await expect(sessions.redeemLinkCode(other.id, late)).rejects.toMatchObject({ code: 'session_code_invalid' });
    await sessions.sweep();
    expect(await db.kysely.selectFrom('session_link_codes').selectAll().execute()).toEqual([]);
  });

  test('of many that enter one code at the same time, one is linked', async () => {
    const { sessions } = make(await createDb());
    const real = (await sessions.getOrCreate({ ...ann, accountId: 'a-1' })).session;
    const guests = await Promise.all(
      Array.from(
        { length: 8 },
        async (_, index) => (await sessions.getOrCreate({ platform: 'web', userId: `${index}` })).session,
      ),
    );
    const { code } = await sessions.createLinkCode(real.id);
    const answers = await Promise.allSettled(guests.map(({ id }) => sessions.redeemLinkCode(id, code)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await sessions.identities('a-1')).toHaveLength(2);
  });

  test('who guesses is stopped, however many guesses come at once, and may try again later', async () => {
    const { sessions, clock } = make(await createDb());
    const real = (await sessions.getOrCreate({ ...ann, accountId: 'a-1' })).session;
    const guest = (await sessions.getOrCreate(discord)).session;
    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => sessions.redeemLinkCode(guest.id, `WRONG-0000${index}`)),
    );
    const codes = answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'linked'));
    expect(codes.filter((code) => code === 'session_code_invalid')).toHaveLength(3);
    expect(codes.filter((code) => code === 'session_code_attempts')).toHaveLength(7);
    const { code } = await sessions.createLinkCode(real.id);
    await expect(sessions.redeemLinkCode(guest.id, code)).rejects.toMatchObject({
      code: 'session_code_attempts',
      details: { retryAfterSeconds: 600 },
    });
    await clock.advance(10 * MINUTE);
    const { code: next } = await sessions.createLinkCode(real.id).catch(async () => {
      const { id } = (await sessions.getOrCreate(ann)).session;
      return sessions.createLinkCode(id);
    });
    expect(await sessions.redeemLinkCode((await sessions.getOrCreate(discord)).session.id, next)).toMatchObject({
      accountId: 'a-1',
    });
  });

  test('a guest at work stays where it is until its work is done, and the code is not spent', async () => {
    const db = await createDb();
    const { sessions } = make(db);
    const real = (await sessions.getOrCreate({ ...ann, accountId: 'a-1' })).session;
    const guest = (await sessions.getOrCreate(discord)).session;
    await addGeneration(db, guest.accountId, { id: 'g-1', isOpen: true });
    const { code } = await sessions.createLinkCode(real.id);
    await expect(sessions.redeemLinkCode(guest.id, code)).rejects.toMatchObject({
      code: 'session_link_refused',
      details: { busy: { generations: 1 } },
    });
    expect((await sessions.get(guest.id)).accountId).toBe(guest.accountId);
    await db.transaction((tx) =>
      tx.updateTable('generations').set({ status: 'succeeded', finished_at: 1 }).where('id', '=', 'g-1').execute(),
    );
    expect(await sessions.redeemLinkCode(guest.id, code)).toMatchObject({ moved: { generations: 1 } });
  });

  test('two accounts that both own something stay two; one that owns nothing goes', async () => {
    const db = await createDb();
    const { sessions, clock } = make(db);
    const one = (await sessions.getOrCreate({ ...ann, accountId: 'a-1' })).session;
    await clock.advance(1);
    const two = (await sessions.getOrCreate({ ...discord, accountId: 'a-2' })).session;
    await addGeneration(db, 'a-1', { id: 'g-1' });
    await addGeneration(db, 'a-2', { id: 'g-2' });
    const { code } = await sessions.createLinkCode(one.id);
    await expect(sessions.redeemLinkCode(two.id, code)).rejects.toMatchObject({
      code: 'session_link_refused',
      details: { owns: [{ generations: 1 }, { generations: 1 }] },
    });
    await db.transaction((tx) => tx.deleteFrom('generations').where('id', '=', 'g-1').execute());
    // The older owns nothing, so it is the one that goes.
    expect(await sessions.redeemLinkCode(two.id, code)).toEqual({ accountId: 'a-2', mergedFrom: 'a-1', moved: {} });
    expect((await sessions.get(one.id)).accountId).toBe('a-2');
    const { code: again } = await sessions.createLinkCode(one.id);
    expect(await sessions.redeemLinkCode(two.id, again)).toEqual({ accountId: 'a-2', mergedFrom: null, moved: {} });
  });

  test('of two guests the newer goes, and a merged account is told where it went', async () => {
    const { sessions, clock } = make(await createDb());
    const older = (await sessions.getOrCreate(ann)).session;
    await clock.advance(1);
    const newer = (await sessions.getOrCreate(discord)).session;
    const { code } = await sessions.createLinkCode(newer.id);
    expect(await sessions.redeemLinkCode(older.id, code)).toMatchObject({ accountId: older.accountId });
    // Now the guest of both is claimed.
    expect(await sessions.claim(newer.id, 'a-1')).toMatchObject({ accountId: 'a-1', mergedFrom: older.accountId });
    await expect(sessions.claim(older.id, 'a-2')).rejects.toMatchObject({ code: 'session_link_refused' });
    expect(await sessions.claim(older.id, 'a-1')).toMatchObject({ mergedFrom: null });
    expect((await sessions.list({ accountId: 'a-1' })).map(({ id }) => id).sort()).toEqual([older.id, newer.id].sort());
  });

  test('what goes wrong while things are moved leaves everything where it was', async () => {
    const db = await createDb();
    const clock = new VirtualClock();
    const broken = {
      kind: 'broken',
      count: async () => 1,
      move: async () => {
        throw new Error('no');
      },
    };
    const { sessions } = makeSessions(db, { clock, belongings: [ownedGenerations, broken] });
    const guest = (await sessions.getOrCreate(ann)).session;
    await addGeneration(db, guest.accountId, { id: 'g-1' });
    await expect(sessions.claim(guest.id, 'a-1')).rejects.toThrow('no');
    expect((await sessions.get(guest.id)).accountId).toBe(guest.accountId);
    expect((await ownerOf(db, 'g-1')).account_id).toBe(guest.accountId);
  });
});
