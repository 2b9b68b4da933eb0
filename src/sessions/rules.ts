import { EaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import { isJsonObject, type JsonObject, type JsonValue, parseLossless, stringifyLossless } from '../core/json.js';
import type { SessionSettings } from './types.js';

/** What sessions take, and the words in which they refuse the rest. */

const PLATFORM = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$/;
const MAX_USER_ID_CHARS = 255;
const MAX_DEPTH = 32;

/** Where the platform is Easel itself, the user is the account: it can never be linked to another. */
export const ACCOUNT_PLATFORM = 'account';

const GUEST = 'guest:';

export function newGuestId(): string {
  return `${GUEST}${newId()}`;
}

export function isGuest(accountId: string): boolean {
  return accountId.startsWith(GUEST);
}

export function checkPlatform(platform: string): void {
  if (!PLATFORM.test(platform))
    throw invalid(
      'platform',
      'platform must have 1 to 63 of a-z, 0-9, ".", "_" and "-", and begin with a letter or digit.',
    );
}

export function checkUserId(userId: string): void {
  // Half a character would be stored as another one, and two users become one.
  if (userId === '' || userId.length > MAX_USER_ID_CHARS || /\p{Surrogate}/u.test(userId))
    throw invalid('userId', `userId must have 1 to ${MAX_USER_ID_CHARS} characters.`);
}

export function checkAccountId(accountId: string): void {
  if (accountId === '' || accountId.length > MAX_USER_ID_CHARS || accountId.startsWith('house:'))
    throw invalid('accountId', 'An account id has 1 to 255 characters and does not begin with "house:".');
}

export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw invalid(
    'values',
    `${JSON.stringify(name.slice(0, 100))} is no name for a value: use 1 to 100 letters, digits, ".", ":", "_" and "-".`,
  );
}

/** A locale in its canonical form. Throws `request_invalid`. */
export function canonicalLocale(locale: string): string {
  try {
    const [found] = locale.length > 100 ? [] : Intl.getCanonicalLocales(locale);
    if (found !== undefined) return found;
  } catch {
    // Told below.
  }
  throw invalid('locale', 'locale must be a language tag such as "en" or "pt-BR".');
}

/** The JSON of a value. Throws `session_limit` for what has none, or is too large. */
export function encodeValue(name: string, value: unknown, { maxValueBytes }: SessionSettings): string {
  if (!isJson(value, 0)) throw tooMuch(`${name} has no JSON form, or is nested more than ${MAX_DEPTH} deep.`, { name });
  const text = stringifyLossless(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxValueBytes)
    throw tooMuch(`${name} takes ${bytes} bytes as JSON; ${maxValueBytes} are allowed.`, {
      name,
      bytes,
      maxValueBytes,
    });
  return text;
}

export function decodeValue(text: string): JsonValue {
  return parseLossless(text);
}

export function decodeObject(text: string): JsonObject {
  const value = parseLossless(text);
  return isJsonObject(value) ? value : {};
}

function isJson(value: unknown, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  switch (typeof value) {
    case 'boolean':
    case 'bigint':
      return true;
    case 'string':
      // PostgreSQL has no NUL, and half a surrogate pair would come back as something else.
      return !value.includes('\0') && !/\p{Surrogate}/u.test(value);
    case 'number':
      return Number.isFinite(value);
    case 'object':
      if (value === null) return true;
      if (Array.isArray(value)) return value.every((part) => isJson(part, depth + 1));
      if (![Object.prototype, null].includes(Object.getPrototypeOf(value))) return false;
      return Object.entries(value).every(([key, part]) => isJson(key, depth) && isJson(part, depth + 1));
    default:
      return false;
  }
}

export function idleMsOf(platform: string, { idleMs, platforms }: SessionSettings): number {
  return (Object.hasOwn(platforms, platform) ? platforms[platform]?.idleMs : undefined) ?? idleMs;
}

export function notFound(id: string): EaselError {
  return new EaselError('not_found', `There is no session ${id}.`, {
    hint: 'It may have expired. Get or create it by platform and user.',
  });
}

export function invalid(field: string, message: string): EaselError {
  return new EaselError('request_invalid', message, { details: { field } });
}

export function tooMuch(message: string, details: Readonly<Record<string, unknown>>): EaselError {
  return new EaselError('session_limit', message, { details });
}
