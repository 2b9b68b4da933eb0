export type { ChangeOptions, ChangeSession } from './change.js';
export type { SessionListener } from './events.js';
export { passGate, useSession } from './gate.js';
export { ACCOUNT_PLATFORM, isGuest } from './rules.js';
export { type SessionListOptions, Sessions, type SessionsOptions } from './service.js';
export {
  type Belonging,
  type Identity,
  type LinkCode,
  type Linked,
  type OpenedSession,
  type OpenSession,
  type PreferenceChanges,
  type Preferences,
  SESSION_EVENT_TYPES,
  type Session,
  type SessionChanges,
  type SessionEvent,
  type SessionEventType,
  type SessionSettings,
  type SessionSweepReport,
} from './types.js';
