import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { ALL_SCOPES, type ApiKey, type Keys, type Scope, USER_SCOPES } from '../../access/index.js';
import { EaselError } from '../../core/errors.js';
import { wireTime, wireTimeOrNull } from '../../core/wire.js';
import { accountOf } from '../account.js';
import { route } from '../route.js';
import { check, pathId, strictObject } from '../validate.js';

const emptyBody = strictObject({}).optional();
const scope = z.enum(ALL_SCOPES as [Scope, ...Scope[]]);
const count = z.int().min(1).max(10_000_000).nullable().optional();

const createBody = strictObject({
  name: z.string().min(1).max(100),
  scopes: z.array(scope).min(1).optional(),
  expires_at: z.iso.datetime().nullable().optional(),
  rate_per_minute: count,
  max_concurrent: count,
});

const keySchema = z
  .object({
    id: z.uuid(),
    account_id: z.string(),
    name: z.string(),
    prefix: z.string().meta({ description: 'The first characters, to tell keys apart.' }),
    scopes: z.array(scope),
    rate_per_minute: z.int().nullable(),
    max_concurrent: z.int().nullable(),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable(),
    revoked_at: z.iso.datetime().nullable(),
    last_used_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Key' });

const madeSchema = keySchema
  .extend({ secret: z.string().meta({ description: 'The key itself. Shown this once.' }) })
  .meta({ id: 'NewKey' });

const TAG = 'Keys';
const createRoute = route({
  operationId: 'createKey',
  tag: TAG,
  summary: 'Make a key',
  description: 'A key can give away only scopes that it has itself.',
  scope: 'keys:admin',
  body: { schema: createBody },
  answers: { 201: { description: 'Made.', schema: madeSchema } },
});
const listRoute = route({
  operationId: 'listKeys',
  tag: TAG,
  summary: 'List the keys of the account',
  scope: 'keys:admin',
  answers: {
    200: { description: 'All of them, without their secrets.', schema: z.object({ data: z.array(keySchema) }) },
  },
});
const revokeRoute = route({
  operationId: 'revokeKey',
  tag: TAG,
  summary: 'Revoke a key, from the next request on',
  scope: 'keys:admin',
  body: { schema: emptyBody, isOptional: true },
  answers: { 200: { description: 'Revoked.', schema: keySchema } },
});

/** Keys of the caller's account. */
export const keyRoutes =
  (keys: Keys): FastifyPluginAsync =>
  async (app) => {
    app.post('/v1/keys', createRoute, async (request, reply) => {
      const body = check(createBody, request.body, 'body');
      const own = request.caller.scopes;
      const scopes = body.scopes ?? USER_SCOPES.filter((each) => own.has(each));
      // Nobody gives away more than they have.
      const beyond = scopes.find((each) => !own.has(each));
      if (beyond !== undefined) {
        throw new EaselError('scope_missing', `A key without the scope ${beyond} cannot give it away.`, {
          details: { scope: beyond },
        });
      }
      const made = await keys.create({
        accountId: accountOf(request),
        name: body.name,
        scopes,
        expiresAt: body.expires_at == null ? null : Date.parse(body.expires_at),
        ratePerMinute: body.rate_per_minute ?? null,
        maxConcurrent: body.max_concurrent ?? null,
      });
      return reply.code(201).send({ ...keyJson(made.key), secret: made.secret });
    });

    app.get('/v1/keys', listRoute, async (request) => ({ data: (await keys.list(accountOf(request))).map(keyJson) }));

    app.post<{ Params: { readonly id: string } }>('/v1/keys/:id/revoke', revokeRoute, async (request) => {
      check(emptyBody, request.body, 'body');
      return keyJson(await keys.revoke(pathId(request.params.id, 'key'), accountOf(request)));
    });
  };

function keyJson(key: ApiKey): object {
  return {
    id: key.id,
    account_id: key.accountId,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    rate_per_minute: key.ratePerMinute,
    max_concurrent: key.maxConcurrent,
    created_at: wireTime(key.createdAt),
    expires_at: wireTimeOrNull(key.expiresAt),
    revoked_at: wireTimeOrNull(key.revokedAt),
    last_used_at: wireTimeOrNull(key.lastUsedAt),
  };
}
