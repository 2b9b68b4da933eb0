import type { JsonObject, JsonValue } from '../core/json.js';
import type { DbTransaction } from '../db/index.js';

/**
 * Words of the sessions room:
 *
 * - platform     where somebody comes from: `telegram`, `discord`, `web`, any name
 * - identity     a user of a platform, as the platform numbers them; it belongs to one account, and outlives sessions
 * - session      what is known of an identity's visit: typed values, gone when it was idle for too long
 * - preference   what is remembered of an account between sessions: locale, workflow, backend, last inputs
 * - guest        an account that was made for an identity nobody knew; linking makes it part of another account
 * - link         the identities of two accounts come to belong to one of them
 * - gate         the row that submits of an account pass one by one where they are counted
 */
export interface Session {
  readonly id: string;
  readonly platform: string;
  readonly userId: string;
  readonly accountId: string;
  /** It belongs to no account that anybody has claimed. */
  readonly isGuest: boolean;
  /** Grows by one with each change of a value. */
  readonly revision: number;
  readonly createdAt: number;
  readonly touchedAt: number;
  /** Unless it is touched before. */
  readonly expiresAt: number;
  readonly values: JsonObject;
  readonly preferences: Preferences;
}

/** Of an account, whichever platform it comes by. */
export interface Preferences {
  /** As BCP 47 has it, for example `pt-BR`. */
  readonly locale: string | null;
  /** Name of a workflow. */
  readonly workflow: string | null;
  /** Id of a backend. */
  readonly backend: string | null;
  /** The inputs that were used last, by workflow; the most recent workflow first. */
  readonly inputs: Readonly<Record<string, JsonObject>>;
}

/** What is absent stays; null forgets. */
export interface PreferenceChanges {
  readonly locale?: string | null;
  readonly workflow?: string | null;
  readonly backend?: string | null;
  readonly inputs?: Readonly<Record<string, JsonObject | null>>;
}

export interface SessionChanges extends PreferenceChanges {
  /** By name. What is absent stays; `undefined` removes, since null is a value. */
  readonly values?: Readonly<Record<string, JsonValue | undefined>>;
}

export interface OpenSession {
  readonly platform: string;
  /** As the platform names its user. */
  readonly userId: string;
  /** Whose session it is, where the platform knows; a guest's, or the one it was linked to, unless given. */
  readonly accountId?: string;
}

export interface OpenedSession {
  readonly session: Session;
  readonly isNew: boolean;
  /** This user was here before. */
  readonly isReturning: boolean;
}

export const SESSION_EVENT_TYPES = ['created', 'updated', 'expired', 'removed'] as const;
export type SessionEventType = (typeof SESSION_EVENT_TYPES)[number];

/** Told after its commit, on every node that listens. */
export interface SessionEvent {
  readonly type: SessionEventType;
  readonly sessionId: string;
  readonly platform: string;
  readonly userId: string;
  readonly accountId: string;
  /** Counts from 1 within a session, without gaps. */
  readonly seq: number;
  readonly at: number;
  /** `updated`: the names of what has changed, preferences included. Empty when its account was linked to another. */
  readonly changed: readonly string[];
}

export interface Identity {
  readonly platform: string;
  readonly userId: string;
  readonly accountId: string;
  readonly createdAt: number;
}

export interface LinkCode {
  /** Shown this once. */
  readonly code: string;
  readonly accountId: string;
  readonly expiresAt: number;
}

/** What came of a link. */
export interface Linked {
  readonly accountId: string;
  /** The account that is no more, or whose users have moved; null when they were one before. */
  readonly mergedFrom: string | null;
  /** What moved with it, by kind: generations, files, points (in micro-points). */
  readonly moved: Readonly<Record<string, number>>;
}

/**
 * Something that accounts own in another room. `move` runs in the transaction that links two accounts; so does `count`, and
 * what it counts stays as it is until COMMIT as far as guests are concerned: their gate is closed by then.
 */
export interface Belonging {
  readonly kind: string;
  count(tx: DbTransaction, accountId: string): Promise<number>;
  /** Returns how much was moved. */
  move(tx: DbTransaction, fromId: string, toId: string): Promise<number>;
  /** What is going on and must end first. */
  busy?(tx: DbTransaction, accountId: string): Promise<number>;
}

export interface SessionSettings {
  /** After so long without being touched a session is over. */
  readonly idleMs: number;
  /** By platform, where it differs. */
  readonly platforms: Readonly<Record<string, { readonly idleMs?: number | undefined }>>;
  readonly maxValueBytes: number;
  readonly maxValues: number;
  /** All values of a session together. */
  readonly maxTotalBytes: number;
  /** Of so many workflows the last inputs are remembered. */
  readonly maxRecentInputs: number;
  readonly linkCodeMs: number;
  /** Wrong codes of one identity within `linkCodeMs`. */
  readonly maxCodeAttempts: number;
}

export interface SessionSweepReport {
  readonly expired: number;
}
