import { EaselError } from '../../core/errors.js';
import { isId } from '../../core/ids.js';
import { type JsonValue, parseLossless, stringifyLossless } from '../../core/json.js';
import { definedOnly } from '../../core/objects.js';
import type { Session, Sessions } from '../../sessions/index.js';
import type { CliIo } from '../io.js';
import { withEasel } from '../open.js';
import { type Json, printJson, timeText } from '../print.js';
import type { CommandContext } from '../program.js';
import { parseWholeNumber, usage } from '../values.js';

/** `easel sessions …`: works on the database itself, beside a running Easel or without one. */
interface ListOptions extends Json {
  readonly account?: string;
  readonly platform?: string;
  readonly after?: string;
  readonly limit: string;
}

export async function list(context: CommandContext, options: ListOptions): Promise<number> {
  const { account: accountId, platform, after } = options;
  const limit = parseWholeNumber(options.limit, '--limit');
  const found = await withSessions(context, (sessions) =>
    sessions.list({ limit, ...definedOnly({ accountId, platform, after }) }),
  );
  if (options.json === true) return printJson(context.io, found);
  for (const session of found) {
    const values = Object.keys(session.values).length;
    const words = [`${session.platform}:${session.userId}`, session.accountId, `${values} values`];
    context.io.stdout.write(`${[...words, `until ${timeText(session.expiresAt)}`, session.id].join('  ')}\n`);
  }
  if (found.length === 0) context.io.stdout.write('There are no live sessions.\n');
  return 0;
}

export async function show(context: CommandContext, session: string, options: Json): Promise<number> {
  const found = await withSessions(context, (sessions) => find(sessions, session));
  return tell(context.io, found, options);
}

export async function set(
  context: CommandContext,
  { session, name, value }: { readonly session: string; readonly name: string; readonly value: string | undefined },
  options: Json,
): Promise<number> {
  const changed = await withSessions(context, async (sessions) => {
    const { id } = isId(session) ? await sessions.get(session) : (await sessions.getOrCreate(userOf(session))).session;
    return sessions.update(id, { values: { [name]: value === undefined ? undefined : parseValue(value) } });
  });
  return tell(context.io, changed, options);
}

export async function remove(context: CommandContext, session: string, options: Json): Promise<number> {
  const found = await withSessions(context, async (sessions) => {
    const live = await find(sessions, session);
    await sessions.remove(live.id);
    return live;
  });
  if (options.json === true) return printJson(context.io, { id: found.id });
  context.io.stdout.write(`Ended: ${found.id} (${found.platform}:${found.userId}).\n`);
  return 0;
}

export async function link(
  context: CommandContext,
  session: string,
  code: string | undefined,
  options: Json,
): Promise<number> {
  if (code === undefined) {
    const made = await withSessions(context, async (sessions) =>
      sessions.createLinkCode((await find(sessions, session)).id),
    );
    if (options.json === true) return printJson(context.io, made);
    context.io.stdout.write(`${made.code}\n`);
    context.io.stderr.write(`Works once, until ${timeText(made.expiresAt)}, for the account ${made.accountId}.\n`);
    return 0;
  }
  const linked = await withSessions(context, async (sessions) =>
    sessions.redeemLinkCode((await find(sessions, session)).id, code),
  );
  if (options.json === true) return printJson(context.io, linked);
  const from = linked.mergedFrom === null ? 'It was linked before.' : `${linked.mergedFrom} is part of it now.`;
  context.io.stdout.write(`The account is ${linked.accountId}. ${from}\n`);
  return 0;
}

export async function sweep(context: CommandContext, options: Json): Promise<number> {
  const report = await withSessions(context, (sessions) => sessions.sweep());
  if (options.json === true) return printJson(context.io, report);
  context.io.stdout.write(`Expired sessions deleted: ${report.expired}.\n`);
  return 0;
}

/** Throws `not_found`. */
async function find(sessions: Sessions, text: string): Promise<Session> {
  if (isId(text)) return sessions.get(text);
  const { platform, userId } = userOf(text);
  const found = await sessions.find(platform, userId);
  if (found === null) throw new EaselError('not_found', `The user ${userId} of ${platform} has no live session.`);
  return found;
}

/** Throws `usage_invalid`. */
function userOf(text: string): { readonly platform: string; readonly userId: string } {
  const colon = text.indexOf(':');
  if (colon < 1)
    throw usage(
      `"${text}" is neither the id of a session nor PLATFORM:USER.`,
      'For example: easel sessions show telegram:42',
    );
  return { platform: text.slice(0, colon), userId: text.slice(colon + 1) };
}

function parseValue(text: string): JsonValue {
  try {
    return parseLossless(text);
  } catch {
    return text;
  }
}

function tell(io: CliIo, session: Session, options: Json): number {
  if (options.json === true) return printJson(io, session);
  const { preferences, values } = session;
  const lines: [string, string][] = [
    ['session', session.id],
    ['user', `${session.platform}:${session.userId}`],
    ['account', `${session.accountId}${session.isGuest ? ' (a guest)' : ''}`],
    ['until', timeText(session.expiresAt)],
    ['revision', String(session.revision)],
    ...(['locale', 'workflow', 'backend'] as const).flatMap((name): [string, string][] =>
      preferences[name] === null ? [] : [[name, preferences[name]]],
    ),
    ...Object.entries(values).map(([name, value]): [string, string] => [`  ${name}`, stringifyLossless(value)]),
    ...Object.entries(preferences.inputs).map(([name, value]): [string, string] => [
      `inputs of ${name}`,
      stringifyLossless(value),
    ]),
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  for (const [name, value] of lines) io.stdout.write(`${name.padEnd(width)}  ${value}\n`);
  return 0;
}

/** All of Easel, because linking moves what other services keep. */
function withSessions<T>(context: CommandContext, work: (sessions: Sessions) => Promise<T>): Promise<T> {
  return withEasel(context, ({ sessions }) => work(sessions));
}
