import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ALL_SCOPES, type Keys } from '../../access/index.js';
import type { Clock } from '../../core/clock.js';
import { EaselError } from '../../core/errors.js';
import { type Caller, LOCAL_ACCOUNT } from './caller.js';
import { Limiter, type RateStanding } from './limiter.js';
import { OpenStreams } from './open-streams.js';

export interface GuardOptions {
  /** Absent where there is nowhere to look keys up. */
  readonly keys: Keys | undefined;
  /** Nobody gets in without a key. */
  readonly requireKeys: boolean;
  readonly clock: Clock;
  readonly limits: GuardLimits;
}

/** For keys that have no limits of their own; who needs no key has no limits either. */
export interface GuardLimits {
  readonly ratePerMinute: number;
  readonly maxConcurrent: number;
  /** Event streams open at a time. */
  readonly maxStreams: number;
}

const ACCOUNT_HEADER = 'easel-account';
const MAX_ACCOUNT_CHARS = 255;

/**
 * Asks every request who it is and whether it may, before anything of it is read. A route says by `scope` what it asks for.
 */
export function useGuard(app: FastifyInstance, options: GuardOptions): void {
  const limiter = new Limiter(options.clock);
  const streams = options.keys === undefined ? null : new OpenStreams(options.keys, options.clock);
  app.decorateRequest('caller', null as unknown as Caller);
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return;
    const { scope, isStream = false } = request.routeOptions.config;
    if (scope === 'public') return;
    if (scope === 'optional' && request.headers.authorization === undefined && options.requireKeys) {
      request.caller = nobody();
      return;
    }
    request.caller = await identify(request, options);
    limit(request.caller, { request, reply, limiter, limits: options.limits, isStream });
    // A route that forgot to say is for those who may do everything; a test finds it.
    if (scope === 'optional') return;
    const missing = [scope ?? ALL_SCOPES].flat().find((needed) => !request.caller.scopes.has(needed));
    if (missing !== undefined) {
      throw new EaselError('scope_missing', `This needs the scope ${missing}.`, { details: { scope: missing } });
    }
    const { keyId } = request.caller;
    if (isStream && keyId !== null && streams !== null) {
      // Cut, not ended: who connects anew is told why not.
      const forget = streams.add(keyId, () => reply.raw.destroy());
      whenClosed(reply, forget);
    }
  });
}

async function identify(request: FastifyRequest, { keys, requireKeys }: GuardOptions): Promise<Caller> {
  const secret = secretOf(request);
  if (secret === null) {
    if (requireKeys) throw unauthenticated('The request carries no key.');
    return forAccount(request, {
      accountId: LOCAL_ACCOUNT,
      keyId: null,
      budgetKey: null,
      scopes: new Set(ALL_SCOPES),
      ratePerMinute: null,
      maxConcurrent: null,
    });
  }
  const key = (await keys?.verify(secret)) ?? null;
  // Wrong, revoked and expired are one answer: the difference would tell a thief something.
  if (key === null) throw unauthenticated('The key does not work.');
  return forAccount(request, {
    accountId: key.accountId,
    keyId: key.id,
    budgetKey: key.budgetKey,
    scopes: new Set(key.scopes),
    ratePerMinute: key.ratePerMinute,
    maxConcurrent: key.maxConcurrent,
  });
}

/** Sees what is for everybody. No account has an empty id. */
function nobody(): Caller {
  return {
    accountId: '',
    keyId: null,
    budgetKey: null,
    scopes: new Set(),
    ratePerMinute: null,
    maxConcurrent: null,
  };
}

function secretOf(request: FastifyRequest): string | null {
  const { authorization } = request.headers;
  if (authorization === undefined) return null;
  const match = /^Bearer +(\S+)$/i.exec(authorization);
  if (match === null) throw unauthenticated('The header Authorization is not `Bearer` and a key.');
  return match[1] ?? '';
}

/** A key that serves many users names the account by a header. */
function forAccount(request: FastifyRequest, caller: Caller): Caller {
  const asked = request.headers[ACCOUNT_HEADER];
  if (asked === undefined || asked === caller.accountId) return caller;
  if (!caller.scopes.has('accounts:any')) {
    throw new EaselError('scope_missing', 'To act for another account needs the scope accounts:any.', {
      details: { scope: 'accounts:any' },
    });
  }
  if (typeof asked !== 'string' || asked === '' || asked.length > MAX_ACCOUNT_CHARS || asked.startsWith('house:')) {
    throw new EaselError('request_invalid', 'The header Easel-Account is not the id of an account.', {
      details: { errors: [{ header: ACCOUNT_HEADER, detail: 'expected 1 to 255 characters' }] },
    });
  }
  return { ...caller, accountId: asked };
}

interface Attempt {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly limiter: Limiter;
  readonly limits: GuardLimits;
  readonly isStream: boolean;
}

function limit(caller: Caller, { reply, limiter, limits, isStream }: Attempt): void {
  if (caller.keyId === null) return;
  const standing = limiter.count(caller.keyId, caller.ratePerMinute ?? limits.ratePerMinute);
  tell(reply, standing);
  if (!standing.allowed) {
    throw tooMany(reply, `${standing.limit} requests per minute are allowed.`, standing.resetSeconds);
  }
  const places = isStream ? limits.maxStreams : (caller.maxConcurrent ?? limits.maxConcurrent);
  const leave = limiter.enter(`${isStream ? 'streams' : 'requests'}:${caller.keyId}`, places);
  if (leave === null) throw tooMany(reply, `${places} ${isStream ? 'streams' : 'requests'} at a time are allowed.`, 1);
  whenClosed(reply, leave);
}

/** Who went while the key was looked up has closed already, and that is told once: a place would be taken for good. */
function whenClosed(reply: FastifyReply, listener: () => void): void {
  if (reply.raw.destroyed) listener();
  else reply.raw.once('close', listener);
}

/** The names of draft-ietf-httpapi-ratelimit-headers, as most clients know them. */
function tell(reply: FastifyReply, { limit: most, remaining, resetSeconds }: RateStanding): void {
  reply
    .header('ratelimit-limit', most)
    .header('ratelimit-remaining', remaining)
    .header('ratelimit-reset', resetSeconds);
}

function tooMany(reply: FastifyReply, message: string, retryAfterSeconds: number): EaselError {
  reply.header('retry-after', retryAfterSeconds);
  return new EaselError('rate_limited', message, { details: { retryAfterSeconds } });
}

function unauthenticated(message: string): EaselError {
  return new EaselError('unauthenticated', message);
}
