import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { EaselError } from '../../core/errors.js';
import { definedOnly } from '../../core/objects.js';
import { wireTime } from '../../core/wire.js';
import { ACCOUNT_PLATFORM, type Linked, type OpenSession, type Session, type Sessions } from '../../sessions/index.js';
import { accountOf } from '../account.js';
import { check, pathId } from '../validate.js';
import {
  changeRoute,
  claimRoute,
  linkCodeRoute,
  linkRoute,
  listRoute,
  noBody,
  openRoute,
  readRoute,
  removeRoute,
  touchRoute,
} from './facts.js';
import { changeBody, claimBody, linkBody, listQuery, openBody } from './schemas.js';

interface IdParams {
  readonly id: string;
}

const DEFAULT_PAGE = 50;

/**
 * Sessions of the caller's account; of all accounts for a key with `accounts:any` that names none. Only such a key may name
 * users of platforms: who could say "I am this user" about anybody would be handed their account.
 */
export const sessionRoutes =
  (sessions: Sessions): FastifyPluginAsync =>
  async (app) => {
    const own = async (request: FastifyRequest<{ Params: IdParams }>): Promise<Session> => {
      const id = pathId(request.params.id, 'session');
      const session = await sessions.get(id);
      if (!isAny(request) && session.accountId !== accountOf(request)) throw notFound(id);
      return session;
    };

    app.post('/v1/sessions', openRoute, async (request, reply) => {
      const body = check(openBody, request.body ?? {}, 'body');
      const { session, isNew, isReturning } = await sessions.getOrCreate(whoOpens(request, body));
      reply.code(isNew ? 201 : 200);
      return { ...sessionJson(session), returning: isReturning };
    });

    app.get('/v1/sessions', listRoute, async (request) => {
      const { account_id: asked, limit = DEFAULT_PAGE, ...rest } = check(listQuery, request.query, 'query');
      const accountId = isAny(request) ? asked : accountOf(request);
      if (asked !== undefined && asked !== accountId) throw needsAny();
      const found = await sessions.list(definedOnly({ ...rest, accountId, limit }));
      return { data: found.map(sessionJson), next_after: found.length < limit ? null : (found.at(-1)?.id ?? null) };
    });

    app.get<{ Params: IdParams }>('/v1/sessions/:id', readRoute, async (request) => sessionJson(await own(request)));

    app.patch<{ Params: IdParams }>('/v1/sessions/:id', changeRoute, async (request) => {
      const { id } = await own(request);
      const body = check(changeBody, request.body ?? {}, 'body');
      const { values = {}, remove = [], backend_id: backend, if_revision: ifRevision, ...preferences } = body;
      const removed = remove.map((name) => [name, undefined] as const);
      const changes = {
        values: Object.fromEntries([...removed, ...Object.entries(values)]),
        ...definedOnly({ ...preferences, backend }),
      };
      return sessionJson(await sessions.update(id, changes, definedOnly({ ifRevision })));
    });

    app.post<{ Params: IdParams }>('/v1/sessions/:id/touch', touchRoute, async (request) => {
      const { id } = await own(request);
      check(noBody, request.body, 'body');
      return sessionJson(await sessions.touch(id));
    });

    app.delete<{ Params: IdParams }>('/v1/sessions/:id', removeRoute, async (request, reply) => {
      const { id } = await own(request);
      await sessions.remove(id);
      return reply.code(204).send();
    });

    app.post<{ Params: IdParams }>('/v1/sessions/:id/link-codes', linkCodeRoute, async (request, reply) => {
      const { id } = await own(request);
      check(noBody, request.body, 'body');
      const { code, accountId, expiresAt } = await sessions.createLinkCode(id);
      return reply.code(201).send({ code, account_id: accountId, expires_at: wireTime(expiresAt) });
    });

    app.post<{ Params: IdParams }>('/v1/sessions/:id/link', linkRoute, async (request) => {
      const { id } = await own(request);
      const { code } = check(linkBody, request.body, 'body');
      return linkedJson(await sessions.redeemLinkCode(id, code));
    });

    app.post<{ Params: IdParams }>('/v1/sessions/:id/claim', claimRoute, async (request) => {
      const { id } = await own(request);
      const { account_id: accountId } = check(claimBody, request.body, 'body');
      if (!isAny(request) && accountId !== accountOf(request)) throw needsAny();
      return linkedJson(await sessions.claim(id, accountId));
    });
  };

/** May see every account, and has not narrowed itself down to one. */
function isAny({ caller, headers }: FastifyRequest): boolean {
  return caller.scopes.has('accounts:any') && headers['easel-account'] === undefined;
}

function whoOpens(request: FastifyRequest, body: z.output<typeof openBody>): OpenSession {
  const { platform, user_id: userId, account_id: accountId } = body;
  const own = accountOf(request);
  if (platform === undefined || userId === undefined) {
    if (accountId !== undefined && accountId !== own && !isAny(request)) throw needsAny();
    const account = accountId ?? own;
    return { platform: ACCOUNT_PLATFORM, userId: account, accountId: account };
  }
  if (!request.caller.scopes.has('accounts:any')) throw needsAny();
  // A key that acts for one account names users of that account.
  const whose = isAny(request) ? accountId : own;
  if (accountId !== undefined && accountId !== whose) throw needsAny();
  return { platform, userId, ...definedOnly({ accountId: whose }) };
}

function needsAny(): EaselError {
  return new EaselError(
    'scope_missing',
    'To name users of platforms, or other accounts, needs the scope accounts:any.',
    {
      details: { scope: 'accounts:any' },
    },
  );
}

function notFound(id: string): EaselError {
  return new EaselError('not_found', `There is no session ${id}.`);
}

function sessionJson(session: Session): object {
  const { id, platform, revision, values, preferences } = session;
  const { locale, workflow, backend, inputs } = preferences;
  return {
    id,
    platform,
    user_id: session.userId,
    account_id: session.accountId,
    guest: session.isGuest,
    revision,
    created_at: wireTime(session.createdAt),
    touched_at: wireTime(session.touchedAt),
    expires_at: wireTime(session.expiresAt),
    values,
    preferences: { locale, workflow, backend_id: backend, inputs },
  };
}

function linkedJson({ accountId, mergedFrom, moved }: Linked): object {
  return { account_id: accountId, merged_from: mergedFrom, moved };
}
