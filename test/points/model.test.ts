import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EaselError } from '../../src/core/errors.js';
import type { Bucket, Points, Receipt } from '../../src/points/index.js';
import type { VirtualClock } from '../../src/testing/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ADMIN, freshKey, makePoints, POINT } from './harness.js';
import { Model, ModelAccount } from './model.js';

/**
 * Any operations in any order, against a model (one client) and against the invariants (many clients at once). More runs by
 * `npm run test:long`. Every run has accounts of its own in one database, which also shows that they do not disturb each
 * other.
 */
const RUNS = Number(process.env['EASEL_TEST_RUNS'] ?? 500);
const TIMEOUT_MS = 120_000 + RUNS * 400;
/** All books are checked so often, and the accounts of a run in every run. */
const VERIFY_EVERY = Math.max(50, Math.floor(RUNS / 20));

const PLAN = { allowance: 100, allowancePerDay: 100 };
const SETTINGS = { defaultPlan: 'free', plans: { free: PLAN } };
const CONTEXTS: Readonly<Record<string, readonly Bucket[]>> = { interactive: ['allowance', 'credit'], api: ['credit'] };
const FLOORS = [0, 0, -20 * POINT];
const HOUR = 3_600_000;

const account = fc.integer({ min: 0, max: FLOORS.length - 1 });
const amount = fc.oneof(fc.integer({ min: 1, max: 120 * POINT }), fc.constantFrom(1, POINT, 100 * POINT));
const which = fc.nat({ max: 9 });
const context = fc.constantFrom('interactive', 'api');

const operation = fc.oneof(
  fc.record({ type: fc.constant('grant' as const), account, amount }),
  fc.record({ type: fc.constant('hold' as const), account, amount, context }),
  fc.record({ type: fc.constant('hold' as const), account, amount, context }),
  fc.record({ type: fc.constant('capture' as const), which, amount: fc.nat({ max: 130 * POINT }) }),
  fc.record({ type: fc.constant('release' as const), which }),
  fc.record({ type: fc.constant('refund' as const), which, amount }),
  fc.record({ type: fc.constant('transfer' as const), account, to: account, amount }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const REFUSALS = [
  'points_insufficient',
  'points_hold_ended',
  'points_refund_excessive',
  'request_invalid',
  'not_found',
];

class Client {
  readonly holds: string[] = [];
  readonly #points: Points;
  readonly #prefix: string;

  constructor(points: Points, prefix: string) {
    this.#points = points;
    this.#prefix = prefix;
  }

  id(index: number): string {
    return `${this.#prefix}-${index}`;
  }

  async prepare(): Promise<void> {
    for (const [index, floor] of FLOORS.entries()) {
      if (floor !== 0) await this.#points.accounts.setFloor(this.id(index), floor, ADMIN);
    }
  }

  async writeDownAllowance(): Promise<void> {
    for (const index of FLOORS.keys()) await this.#points.accounts.setPlan(this.id(index), 'free', ADMIN);
  }

  /** The receipt, or null when it is refused for one of the known reasons. */
  async run(operation: Operation, idempotencyKey: string): Promise<Receipt | null> {
    try {
      return await this.#run(operation, idempotencyKey);
    } catch (error) {
      if (error instanceof EaselError && REFUSALS.includes(error.code)) return null;
      throw error;
    }
  }

  #run(operation: Operation, idempotencyKey: string): Promise<Receipt> {
    const points = this.#points;
    switch (operation.type) {
      case 'grant':
        return points.grant({ accountId: this.id(operation.account), amount: operation.amount, idempotencyKey });
      case 'hold': {
        const { amount, context } = operation;
        return points.hold({ accountId: this.id(operation.account), amount, context, idempotencyKey });
      }
      case 'capture':
        return points.capture({ holdId: this.holdAt(operation.which), amount: operation.amount, idempotencyKey });
      case 'release':
        return points.release({ holdId: this.holdAt(operation.which), idempotencyKey });
      case 'refund':
        return points.refund({ holdId: this.holdAt(operation.which), amount: operation.amount, idempotencyKey });
      case 'transfer': {
        const [fromAccountId, toAccountId] = [this.id(operation.account), this.id(operation.to)];
        return points.transfer({ fromAccountId, toAccountId, amount: operation.amount, idempotencyKey });
      }
    }
  }

  holdAt(index: number): string {
    return this.holds[index] ?? 'none';
  }
}

const isHold = (receipt: Receipt): receipt is Receipt & { readonly holdId: string } => 'holdId' in receipt;

function runModel(model: Model, operation: Operation): boolean {
  const at = (index: number) => model.accounts[index]!;
  switch (operation.type) {
    case 'grant':
      model.grant(at(operation.account), operation.amount);
      return true;
    case 'hold':
      return model.hold(at(operation.account), operation.amount, CONTEXTS[operation.context] ?? []) !== null;
    case 'capture':
      return model.end(operation.which, operation.amount);
    case 'release':
      return model.end(operation.which, 0);
    case 'refund':
      return model.refund(operation.which, operation.amount);
    case 'transfer':
      return model.transfer(at(operation.account), at(operation.to), operation.amount);
  }
}

async function compare(points: Points, client: Client, model: Model): Promise<void> {
  for (const [index, expected] of model.accounts.entries()) {
    const { allowance, credit, held, experience } = await points.balance(client.id(index));
    expect({ allowance, credit, held, experience }, `account ${index}`).toEqual({
      allowance: expected.allowance,
      credit: expected.credit,
      held: expected.held,
      experience: expected.experience,
    });
  }
}

describeEachDatabase('any sequence of operations', ({ createDb }) => {
  let serial = 0;
  const nextPrefix = () => {
    serial += 1;
    return `run${serial}`;
  };
  const everySoOften = async (points: Points) => {
    if (serial % VERIFY_EVERY === 0) expect(await points.verify()).toMatchObject({ ok: true, discrepancy: null });
  };

  test(
    'does what the model does, and the same key again changes nothing',
    async () => {
      const { points, clock } = makePoints(await createDb(), SETTINGS);
      const step = fc.oneof(
        { weight: 6, arbitrary: operation },
        {
          weight: 2,
          arbitrary: fc.record({ type: fc.constant('clock' as const), ms: fc.integer({ min: 0, max: 9 * HOUR }) }),
        },
        {
          weight: 1,
          arbitrary: fc.record({ type: fc.constant('clock' as const), ms: fc.integer({ min: -HOUR, max: -1 }) }),
        },
      );
      const property = fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const client = new Client(points, nextPrefix());
        await client.prepare();
        const model = new Model(
          FLOORS.map((floor) => new ModelAccount({ floor, cap: 100 * POINT, perDay: 100 * POINT })),
        );
        // Otherwise the accounts would be opened by their first use, with the allowance full.
        for (const index of FLOORS.keys()) {
          await points.grant({ accountId: client.id(index), amount: 1, idempotencyKey: freshKey() });
          model.grant(model.accounts[index]!, 1);
        }
        for (const item of steps) {
          if (item.type === 'clock') {
            // What nobody has written down yet, a clock that goes back takes back with it; the model has no such thing.
            if (item.ms < 0) await client.writeDownAllowance();
            clock.jumpTo(clock.now() + item.ms);
            model.moveClock(item.ms);
            continue;
          }
          const key = freshKey();
          const receipt = await client.run(item, key);
          expect(receipt !== null, JSON.stringify(item)).toBe(runModel(model, item));
          if (receipt === null) continue;
          if (isHold(receipt)) client.holds.push(receipt.holdId);
          await compare(points, client, model);
          expect(await client.run(item, key)).toEqual({ ...receipt, repeated: true });
        }
        await compare(points, client, model);
        await everySoOften(points);
      });
      await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
      expect(await points.verify()).toMatchObject({ ok: true, discrepancy: null });
    },
    TIMEOUT_MS,
  );

  test(
    'from many clients at once keeps the books right and every floor',
    async () => {
      const db = await createDb();
      const { points, clock } = makePoints(db, { ...SETTINGS, overdraft: true });
      const rounds = fc.array(fc.array(operation, { minLength: 2, maxLength: 6 }), { minLength: 2, maxLength: 4 });
      const property = fc.asyncProperty(rounds, fc.boolean(), async (items, expiring) => {
        const prefix = nextPrefix();
        const client = new Client(points, prefix);
        await client.prepare();
        await startCredit(points, client, clock, expiring);
        for (const round of items) {
          // Each is sent twice, as by a client that did not hear the answer.
          const answers = await Promise.all(
            round.map(async (item) => {
              const key = freshKey();
              return Promise.all([client.run(item, key), client.run(item, key)]);
            }),
          );
          for (const [first, second] of answers) {
            // One may have been refused before something else made it possible.
            const done = [first, second].filter((receipt) => receipt !== null);
            expect(done.filter(({ repeated }) => !repeated)).toHaveLength(Math.min(1, done.length));
            expect(new Set(done.map(({ transferId }) => transferId)).size).toBe(Math.min(1, done.length));
            client.holds.push(
              ...done
                .slice(0, 1)
                .filter(isHold)
                .map(({ holdId }) => holdId),
            );
          }
          clock.jumpTo(clock.now() + 5 * HOUR);
        }
        await Promise.all(
          client.holds.map((holdId) => points.release({ holdId, idempotencyKey: freshKey() }).catch(expectEnded)),
        );
        await expectSound(points, client);
        const holds = await db.kysely
          .selectFrom('point_holds')
          .selectAll()
          .where('id', 'in', ['', ...client.holds])
          .execute();
        for (const hold of holds) {
          expect(hold.status).not.toBe('open');
          expect(hold.refunded).toBeLessThanOrEqual(hold.captured);
        }
        await everySoOften(points);
      });
      await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
      expect(await points.verify()).toMatchObject({ ok: true, discrepancy: null });
    },
    TIMEOUT_MS,
  );
});

async function startCredit(points: Points, client: Client, clock: VirtualClock, expiring: boolean): Promise<void> {
  for (const index of FLOORS.keys()) {
    await points.grant({
      accountId: client.id(index),
      amount: 30 * POINT,
      expiresAt: expiring ? clock.now() + (index + 1) * 4 * HOUR : null,
      idempotencyKey: freshKey(),
    });
  }
}

function expectEnded(error: unknown): void {
  expect(error).toMatchObject({ code: 'points_hold_ended' });
}

/** By the account's own history: lines without gaps, each continuing the one before, none below the floor. */
async function expectSound(points: Points, client: Client): Promise<void> {
  for (const [index, floor] of FLOORS.entries()) {
    const id = client.id(index);
    const { entries } = await points.history(id, { order: 'oldest', limit: 1000 });
    let before = { allowance: 0, credit: 0, held: 0 };
    for (const [position, entry] of entries.entries()) {
      expect(entry.seq).toBe(position + 1);
      expect(entry.balance).toEqual({
        allowance: before.allowance + entry.allowance,
        credit: before.credit + entry.credit,
        held: before.held + entry.held,
      });
      expect(entry.balance.credit).toBeGreaterThanOrEqual(floor);
      expect(Math.min(entry.balance.allowance, entry.balance.held)).toBeGreaterThanOrEqual(0);
      before = entry.balance;
    }
    expect(before.held).toBe(0);
    const spent = entries.reduce(
      (sum, { kind, amount }) => sum + (kind === 'capture' ? amount : kind === 'refund' ? -amount : 0),
      0,
    );
    expect((await points.balance(id)).experience).toBe(spent);
  }
}
