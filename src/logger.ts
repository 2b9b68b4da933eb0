import { pino } from 'pino';
import type { Config } from './config/index.js';
import type { Logger } from './core/log.js';

/**
 * Logging as configured: JSON lines, or lines for people on a terminal, on standard error, so that standard output stays
 * the caller's.
 *
 * pino's own redaction works on field names, and secrets hide elsewhere: in an error's message, in a URL's user part or
 * query. So every error and every string passes the scrubber.
 */
export function createLogger(config: Config): Logger {
  const destination = pino.destination({ dest: 2, sync: true });
  const options: pino.LoggerOptions = {
    level: config.log.level,
    base: { node: config.nodeId },
    serializers: { err: describeError },
    redact: {
      paths: ['authorization', '*.authorization', 'headers.cookie', 'headers["x-api-key"]'],
      censor: '[hidden]',
    },
    formatters: { log: scrubFields },
  };
  const pretty = config.log.pretty ?? process.stderr.isTTY === true;
  return pino(options, pretty ? { write: (line: string) => destination.write(forPeople(line)) } : destination);
}

const URL_WITH_SECRETS = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/@"']+@)?([^\s?"'#]*)(\?[^\s"'#]*)?/gi;
const BEARER = /\b(bearer|basic)\s+[a-z0-9._~+/=-]+/gi;

/** Hides credentials and query values of every URL in a text, and authorization values. */
export function scrub(text: string): string {
  return text
    .replace(
      URL_WITH_SECRETS,
      (_match, scheme: string, user: string | undefined, rest: string, query: string | undefined) => {
        return `${scheme}${user === undefined ? '' : '[hidden]@'}${rest}${query === undefined ? '' : '?[hidden]'}`;
      },
    )
    .replace(BEARER, '$1 [hidden]');
}

function scrubFields(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? scrub(value) : value]),
  );
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: scrub(String(error)) };
  const { code, details, cause } = error as Error & { code?: unknown; details?: unknown };
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: scrub(error.message),
    ...(details === undefined ? {} : { details }),
    ...(error.stack === undefined ? {} : { stack: scrub(error.stack) }),
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  };
}

const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info ', 40: 'warn ', 50: 'ERROR', 60: 'FATAL' };
const STANDARD = new Set(['level', 'time', 'msg', 'node', 'err']);

function forPeople(line: string): string {
  const record = JSON.parse(line) as Record<string, unknown> & {
    err?: { code?: string; message?: string; stack?: string };
  };
  const time = new Date(Number(record['time'])).toISOString().slice(11, 23);
  const fields = Object.entries(record)
    .filter(([name]) => !STANDARD.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const { err } = record;
  // A known error explains itself; for an unknown one only the stack helps.
  const problem =
    err === undefined
      ? ''
      : `\n  ${err.code === undefined ? (err.stack ?? err.message) : `${err.code}: ${err.message}`}`;
  return `${time} ${LEVELS[Number(record['level'])] ?? ''} ${record['msg']} ${fields.join(' ')}${problem}\n`;
}
