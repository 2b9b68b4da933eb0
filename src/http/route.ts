import type { RouteShorthandOptions } from 'fastify';
import type { z } from 'zod';
import type { Scope } from '../access/index.js';
import type { Caller } from './access/caller.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `public` asks for nothing. */
    scope?: RouteScope;
    isStream?: boolean;
    facts?: RouteFacts;
  }
  interface FastifyRequest {
    /** Set before a handler runs, except where the scope is `public`. */
    caller: Caller;
  }
}

/**
 * What the caller's key must allow, all of it. `public` asks for no key and looks at none; `optional` shows more to who has
 * one.
 */
export type RouteScope = Scope | readonly Scope[] | 'public' | 'optional';

/**
 * What a route tells about itself, beside its handler. The guard goes by `scope`; the OpenAPI document is made of all of it;
 * and what a handler returns leaves only as far as `answers` declares it.
 */
export interface RouteFacts {
  readonly scope: RouteScope;
  /** One line, for the reference. */
  readonly summary: string;
  readonly description?: string;
  /** The group in the reference. */
  readonly tag: string;
  /** Names the operation, for generated clients: `submitGeneration`. */
  readonly operationId: string;
  readonly query?: z.ZodType;
  /** What headers it heeds, by name and meaning. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RouteBody;
  /** By status. Errors are the same everywhere and need not be named. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  /** It stays open: event streams. */
  readonly isStream?: boolean;
}

export interface RouteBody {
  /** `application/json` unless told. */
  readonly type?: string;
  /** Absent for a body of bytes. */
  readonly schema?: z.ZodType;
  readonly isOptional?: boolean;
  readonly description?: string;
}

export interface RouteAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** `application/json` with a schema, nothing without, unless told. */
  readonly type?: string;
}

/** The options of a fastify route that declares itself: `app.get('/v1/x', route({ … }), handler)`. */
export function route(facts: RouteFacts): Pick<RouteShorthandOptions, 'config'> {
  return { config: { scope: facts.scope, isStream: facts.isStream ?? false, facts } };
}
