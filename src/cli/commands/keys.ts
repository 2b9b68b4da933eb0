import { ALL_SCOPES, type ApiKey, isScope, Keys, SCOPES, type Scope, USER_SCOPES } from '../../access/index.js';
import { silentLogger } from '../../core/log.js';
import { Points, parsePoints } from '../../points/index.js';
import type { CliIo } from '../io.js';
import { withDatabase } from '../open.js';
import { alignColumns, type Json, print, printJson, timeText } from '../print.js';
import type { CommandContext } from '../program.js';
import { parseDuration, parseTime, parseWholeNumber, usage } from '../values.js';

/** `easel keys …`: works on the database itself, beside a running Easel or without one. */
interface CreateOptions extends Json {
  readonly account: string;
  readonly scope?: readonly string[];
  readonly expires?: string;
  readonly rate?: string;
  readonly concurrency?: string;
  readonly budget?: string;
}

export async function create(context: CommandContext, name: string, options: CreateOptions): Promise<number> {
  const scopes = scopesOf(options.scope);
  const budget = options.budget === undefined ? null : parsePoints(options.budget, '--budget');
  if (budget !== null && scopes.includes('accounts:any')) {
    throw usage(
      '--budget: a key that acts for any account spends the points of each.',
      'Set budgets of those accounts.',
    );
  }
  const request = {
    accountId: options.account,
    name,
    scopes,
    expiresAt: options.expires === undefined ? null : parseTime(options.expires, '--expires'),
    ratePerMinute: options.rate === undefined ? null : parseWholeNumber(options.rate, '--rate'),
    maxConcurrent: options.concurrency === undefined ? null : parseWholeNumber(options.concurrency, '--concurrency'),
  };
  const made = await withKeys(context, async (keys, points) => {
    const created = await keys.create(request);
    if (budget !== null) {
      await points.accounts.setBudget(
        { accountId: options.account, budgetKey: created.key.id, period: 'day', amount: budget },
        { actor: 'easel keys create', reason: `Budget of the key ${created.key.prefix}.` },
      );
    }
    return created;
  });
  return show(context.io, made, options);
}

export async function list(context: CommandContext, options: Json & { readonly account?: string }): Promise<number> {
  const found = await withKeys(context, (keys) => keys.list(options.account));
  if (options.json === true) return printJson(context.io, found);
  const now = context.io.clock.now();
  const rows = found.map((key) => [
    `${key.prefix}…`,
    key.name,
    key.accountId,
    stateOf(key, now),
    key.lastUsedAt === null ? 'never used' : `used ${timeText(key.lastUsedAt)}`,
    scopeWords(key.scopes),
    key.id,
  ]);
  return print(
    context.io,
    rows.length === 0 ? ['There are no keys. `easel keys create` makes one.'] : alignColumns(rows),
  );
}

export async function revoke(context: CommandContext, key: string, options: Json): Promise<number> {
  const revoked = await withKeys(context, (keys) => keys.revoke(key.replace(/…$/, '')));
  if (options.json === true) return printJson(context.io, revoked);
  context.io.stdout.write(`Revoked: ${revoked.prefix}… (${revoked.name}).\n`);
  return 0;
}

export async function rotate(
  context: CommandContext,
  key: string,
  options: Json & { readonly overlap: string },
): Promise<number> {
  const overlapMs = parseDuration(options.overlap, '--overlap');
  const made = await withKeys(context, (keys) => keys.rotate(key.replace(/…$/, ''), overlapMs));
  return show(context.io, made, options);
}

function show(io: CliIo, made: { readonly key: ApiKey; readonly secret: string }, options: Json): number {
  if (options.json === true) return printJson(io, { ...made.key, secret: made.secret });
  // The key alone on standard output, for scripts.
  io.stdout.write(`${made.secret}\n`);
  io.stderr.write(
    `Shown this once. It belongs to the account ${made.key.accountId} and may: ${scopeWords(made.key.scopes)}.\n`,
  );
  return 0;
}

/** Throws `usage_invalid`. */
function scopesOf(given: readonly string[] | undefined): readonly Scope[] {
  if (given === undefined) return USER_SCOPES;
  return given
    .flatMap((text) => text.split(','))
    .flatMap((text): readonly Scope[] => {
      if (text === 'all') return ALL_SCOPES;
      if (isScope(text)) return [text];
      throw usage(`--scope: there is no scope "${text}".`, `Scopes are: all, ${Object.keys(SCOPES).join(', ')}.`);
    });
}

function scopeWords(scopes: readonly Scope[]): string {
  return scopes.length === ALL_SCOPES.length ? 'everything' : scopes.join(', ');
}

function stateOf(key: ApiKey, nowMs: number): string {
  if (key.revokedAt !== null) return 'revoked';
  if (key.expiresAt === null) return 'works';
  return key.expiresAt <= nowMs ? 'expired' : `works until ${timeText(key.expiresAt)}`;
}

function withKeys<T>(context: CommandContext, work: (keys: Keys, points: Points) => Promise<T>): Promise<T> {
  const { clock } = context.io;
  return withDatabase(context, (db, config) =>
    work(new Keys({ db, clock, logger: silentLogger }), new Points({ db, clock, settings: config.points })),
  );
}
