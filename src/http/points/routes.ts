import type { FastifyPluginAsync } from 'fastify';
import { newId } from '../../core/ids.js';
import { definedOnly } from '../../core/objects.js';
import { wireTime, wireTimeOrNull } from '../../core/wire.js';
import type { Balance, HistoryEntry, Points } from '../../points/index.js';
import { accountOf } from '../account.js';
import { idempotencyOf } from '../generations/idempotency.js';
import { route } from '../route.js';
import { check } from '../validate.js';
import {
  balanceSchema,
  estimateQuery,
  estimateSchema,
  grantBody,
  historyPageSchema,
  historyQuery,
  receiptSchema,
} from './schemas.js';

const TAG = 'Points';

const balanceRoute = route({
  operationId: 'getBalance',
  tag: TAG,
  summary: 'What the account has',
  scope: 'points:read',
  answers: { 200: { description: 'As it is now.', schema: balanceSchema } },
});
const historyRoute = route({
  operationId: 'listHistory',
  tag: TAG,
  summary: 'What happened to the account',
  scope: 'points:read',
  query: historyQuery,
  answers: { 200: { description: 'A page.', schema: historyPageSchema } },
});
const estimateRoute = route({
  operationId: 'estimatePrice',
  tag: TAG,
  summary: 'What a generation will cost',
  scope: 'points:read',
  query: estimateQuery,
  answers: { 200: { description: 'From the price rule and earlier runs.', schema: estimateSchema } },
});
const grantRoute = route({
  operationId: 'grantPoints',
  tag: TAG,
  summary: 'Give credit to an account',
  description: 'Kept in the audit with the id of the key and the reason.',
  scope: 'points:admin',
  headers: { 'Idempotency-Key': 'The same key with the same body changes nothing.' },
  body: { schema: grantBody },
  answers: { 200: { description: 'Given, now or before under this key.', schema: receiptSchema } },
});

/** Points of the caller's account, and grants to any. */
export const pointsRoutes =
  (points: Points): FastifyPluginAsync =>
  async (app) => {
    app.get('/v1/points', balanceRoute, async (request) => balanceJson(await points.balance(accountOf(request))));

    app.get('/v1/points/history', historyRoute, async (request) => {
      const { generation_id: generationId, from, to, ...rest } = check(historyQuery, request.query, 'query');
      const page = await points.history(
        accountOf(request),
        definedOnly({ ...rest, generationId, from: timeOf(from), to: timeOf(to) }),
      );
      return { data: page.entries.map(entryJson), next_cursor: page.next };
    });

    app.get('/v1/points/estimate', estimateRoute, async (request) => {
      const { workflow, context } = check(estimateQuery, request.query, 'query');
      const accountId = accountOf(request);
      return points.estimate({ accountId, ...definedOnly({ workflowName: workflow, context }) });
    });

    app.post('/v1/points/grants', grantRoute, async (request) => {
      const body = check(grantBody, request.body, 'body');
      const idempotency = idempotencyOf(request.headers, body);
      const receipt = await points.grant({
        accountId: body.account_id,
        amount: body.amount,
        expiresAt: timeOf(body.expires_at ?? undefined) ?? null,
        idempotencyKey: idempotency?.idempotencyKey ?? newId(),
        authority: { actor: `key ${request.caller.keyId ?? 'local'}`, reason: body.reason },
      });
      return { transfer_id: receipt.transferId, amount: receipt.amount, repeated: receipt.repeated };
    });
  };

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

function balanceJson(balance: Balance): object {
  return {
    account_id: balance.accountId,
    plan: balance.plan,
    tier: balance.tier,
    allowance: balance.allowance,
    allowance_cap: balance.allowanceCap,
    allowance_per_day: balance.allowancePerDay,
    allowance_full_at: wireTimeOrNull(balance.allowanceFullAt),
    credit: balance.credit,
    expiring: balance.expiring.map(({ amount, expiresAt }) => ({ amount, expires_at: wireTime(expiresAt) })),
    held: balance.held,
    floor: balance.floor,
    experience: balance.experience,
  };
}

function entryJson(entry: HistoryEntry): object {
  const { seq, at, kind, amount, allowance, credit, held, balance, note } = entry;
  return {
    ...{ seq, at: wireTime(at), kind, amount, allowance, credit, held, balance },
    transfer_id: entry.transferId,
    hold_id: entry.holdId,
    generation_id: entry.generationId,
    note,
  };
}
