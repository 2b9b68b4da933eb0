import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EaselError } from '../../src/core/errors.js';
import { parseLossless } from '../../src/core/json.js';
import type { Session, Sessions } from '../../src/sessions/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { MINUTE, makeSessions } from './harness.js';

/**
 * Any operations in any order, on two nodes, with a clock that also goes back, against the simplest model there is: a map of
 * users to sessions that each know when they end. More runs by `npm run test:long`.
 */
const RUNS = Number(process.env['EASEL_TEST_RUNS'] ?? 60);
const IDLE_MS = { web: 15 * MINUTE, kiosk: MINUTE } as const;
const MAX_VALUES = 5;

const platform = fc.constantFrom('web' as const, 'kiosk' as const);
const user = fc.record({ platform, userId: fc.constantFrom('1', '2') });
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const operation = fc.oneof(
  fc.record({ type: fc.constant('open' as const), user }),
  fc.record({ type: fc.constant('open' as const), user }),
  fc.record({
    type: fc.constant('set' as const),
    user,
    name,
    value: fc.option(fc.jsonValue({ maxDepth: 1 }), { nil: undefined }),
  }),
  fc.record({ type: fc.constant('set' as const), user, name, value: fc.integer() }),
  fc.record({ type: fc.constant('count' as const), user }),
  fc.record({ type: fc.constant('touch' as const), user }),
  fc.record({ type: fc.constant('locale' as const), user, locale: fc.constantFrom('de', 'fr', null) }),
  fc.record({ type: fc.constant('remove' as const), user }),
  fc.record({ type: fc.constant('sweep' as const) }),
  fc.record({ type: fc.constant('clock' as const), ms: fc.integer({ min: 1, max: 20 * MINUTE }) }),
  fc.record({ type: fc.constant('clock' as const), ms: fc.integer({ min: -30 * MINUTE, max: 2 * MINUTE }) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
type User = { readonly platform: 'web' | 'kiosk'; readonly userId: string };

interface ModelSession {
  id: string;
  revision: number;
  touchedAt: number;
  expiresAt: number;
  values: Map<string, unknown>;
}

class Model {
  readonly sessions = new Map<string, ModelSession>();
  readonly locales = new Map<string, string | null>();
  now: number;

  constructor(now: number) {
    this.now = now;
  }

  live(key: string): ModelSession | null {
    const session = this.sessions.get(key);
    return session !== undefined && session.expiresAt > this.now ? session : null;
  }

  sweep(): void {
    for (const [key, session] of this.sessions) if (session.expiresAt <= this.now) this.sessions.delete(key);
  }

  touch(session: ModelSession, idleMs: number): void {
    session.touchedAt = Math.max(session.touchedAt, this.now);
    session.expiresAt = Math.max(session.expiresAt, this.now + idleMs);
  }
}

describeEachDatabase('any sequence of operations on sessions', ({ createDatabase }) => {
  let serial = 0;

  test(
    'does what the model does, and leaves in the tables what lives and nothing else',
    async () => {
      const database = await createDatabase();
      const db = await database.open();
      const { sessions, clock } = makeSessions(db);
      const nodes = [sessions, makeSessions(await database.open(), { clock }).sessions] as const;
      const property = fc.asyncProperty(
        fc.array(fc.tuple(operation, fc.nat({ max: 1 })), { minLength: 4, maxLength: 25 }),
        async (steps) => {
          serial += 1;
          const model = new Model(clock.now());
          for (const [step, node] of steps) {
            if (step.type === 'clock') {
              clock.jumpTo(clock.now() + step.ms);
              model.now = clock.now();
              continue;
            }
            await apply(nodes[node]!, step, model, serial);
          }
          await sessions.sweep();
          await expectSame(sessions, model);
          const rows = await db.kysely.selectFrom('sessions').select(['id', 'expires_at']).execute();
          // Of this run and of those before: nothing that has expired is left.
          expect(rows.filter((row) => row.expires_at <= clock.now())).toEqual([]);
          const values = await db.kysely.selectFrom('session_values').select('session_id').distinct().execute();
          const ids = new Set(rows.map((row) => row.id));
          expect(values.filter((row) => !ids.has(row.session_id))).toEqual([]);
        },
      );
      await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
    },
    60_000 + RUNS * 1_500,
  );
});

function keyOf({ platform, userId }: User, serial: number): string {
  return `${platform}:${serial}-${userId}`;
}

async function apply(
  sessions: Sessions,
  step: Exclude<Operation, { type: 'clock' }>,
  model: Model,
  serial: number,
): Promise<void> {
  if (step.type === 'sweep') {
    await sessions.sweep();
    model.sweep();
    return;
  }
  const key = keyOf(step.user, serial);
  const idleMs = IDLE_MS[step.user.platform];
  const before = model.live(key);
  if (step.type === 'open') {
    const known = model.locales.has(key);
    const { session, isNew, isReturning } = await sessions.getOrCreate({
      ...{ platform: step.user.platform, userId: `${serial}-${step.user.userId}` },
    });
    expect({ isNew, isReturning }).toEqual({ isNew: before === null, isReturning: known });
    if (!known) model.locales.set(key, null);
    if (before === null) {
      const [touchedAt, expiresAt] = [model.now, model.now + idleMs];
      model.sessions.set(key, { id: session.id, revision: 1, touchedAt, expiresAt, values: new Map() });
    } else model.touch(before, idleMs);
    expectSession(session, model, key);
    return;
  }
  const id = before?.id ?? model.sessions.get(key)?.id ?? '00000000-0000-4000-8000-000000000000';
  const answer = await outcome(() => perform(sessions, step, id));
  if (step.type === 'remove') {
    expect(answer).toBe(before !== null);
    if (before !== null) model.sessions.delete(key);
    return;
  }
  if (before === null) {
    expect(answer).toBe('not_found');
    return;
  }
  if (step.type === 'set' && step.value !== undefined) {
    const size = new Set([...before.values.keys(), step.name]).size;
    const bytes = Buffer.byteLength(JSON.stringify(step.value));
    const isText = !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(step.value));
    if (size > MAX_VALUES || bytes > 200 || !isText || answer === 'session_limit') {
      expect(answer).toBe('session_limit');
      return;
    }
  }
  model.touch(before, idleMs);
  if (step.type !== 'touch') before.revision += 1;
  if (step.type === 'set') {
    if (step.value === undefined) before.values.delete(step.name);
    else before.values.set(step.name, step.value);
  }
  if (step.type === 'count') before.values.set('a', countOf(before.values.get('a')) + 1);
  if (step.type === 'locale') model.locales.set(key, step.locale);
  expectSession(answer as Session, model, key);
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
}

function perform(
  sessions: Sessions,
  step: Extract<Operation, { type: 'set' | 'count' | 'touch' | 'locale' | 'remove' }>,
  id: string,
): Promise<Session | boolean> {
  switch (step.type) {
    case 'set':
      return sessions.update(id, { values: { [step.name]: step.value as never } });
    case 'count':
      return sessions.update(id, ({ values }) => ({ values: { a: countOf(values['a']) + 1 } }));
    case 'touch':
      return sessions.touch(id);
    case 'locale':
      return sessions.update(id, { locale: step.locale });
    case 'remove':
      return sessions.remove(id);
  }
}

/** What comes back, or the code of a refusal. */
async function outcome(work: () => Promise<Session | boolean>): Promise<Session | boolean | string> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof EaselError && ['not_found', 'session_limit'].includes(error.code)) return error.code;
    throw error;
  }
}

function expectSession(session: Session, model: Model, key: string): void {
  const { id, revision, touchedAt, expiresAt, values, preferences } = session;
  const expected = model.sessions.get(key)!;
  expect({ id, revision, touchedAt, expiresAt, values, locale: preferences.locale }).toEqual({
    ...{ id: expected.id, revision: expected.revision, touchedAt: expected.touchedAt, expiresAt: expected.expiresAt },
    values: Object.fromEntries(
      [...expected.values].map(([name, value]) => [name, parseLossless(JSON.stringify(value))]),
    ),
    locale: model.locales.get(key),
  });
}

async function expectSame(sessions: Sessions, model: Model): Promise<void> {
  for (const key of model.sessions.keys()) {
    const live = model.live(key);
    const [platform = '', userId = ''] = key.split(':');
    const found = await sessions.find(platform, userId);
    if (live === null) expect(found, key).toBeNull();
    else expectSession(found!, model, key);
  }
}
