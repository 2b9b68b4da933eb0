import { resolve } from 'node:path';
import { newId } from '../../core/ids.js';
import {
  type Authority,
  DEFAULT_MAPPING,
  formatPoints,
  type HistoryEntry,
  type HistoryFilter,
  importLegacy,
  type LegacyMapping,
  type LegacyReport,
  type LegacyTarget,
  type LegacyUser,
  Points,
  parseLegacyDocuments,
  parsePoints,
  planLegacyImport,
  readLegacyFromMongo,
  TRANSFER_KINDS,
  type TransferKind,
} from '../../points/index.js';
import type { CliIo } from '../io.js';
import { withDatabase } from '../open.js';
import { alignColumns, type Json, print, printJson, timeText } from '../print.js';
import type { CommandContext } from '../program.js';
import { readFileBounded, readWorkflowSource } from '../source.js';
import { printable } from '../terminal/style.js';
import { plural } from '../terminal/words.js';
import { parseAssignment, parseTime, parseWholeNumber, usage } from '../values.js';

/** `easel points …`: works on the database itself, without backends, beside a running Easel or without one. */
interface FilterOptions {
  readonly kind?: string;
  readonly generation?: string;
  readonly from?: string;
  readonly to?: string;
}

interface AuthorityOptions {
  readonly actor?: string;
  readonly reason?: string;
}

function withPoints<T>(context: CommandContext, work: (points: Points) => Promise<T>): Promise<T> {
  const { clock } = context.io;
  return withDatabase(context, (db, config) => work(new Points({ db, clock, settings: config.points })));
}

export async function balance(context: CommandContext, accountId: string, options: Json): Promise<number> {
  const found = await withPoints(context, (points) => points.balance(accountId));
  if (options.json === true) return printJson(context.io, found);
  const { allowance, allowanceCap, allowanceFullAt } = found;
  const lines: [string, string][] = [
    ['plan', found.tier === null ? found.plan : `${found.plan}, tier ${found.tier}`],
    [
      'allowance',
      `${formatPoints(allowance)} of ${formatPoints(allowanceCap)}${allowanceFullAt === null ? '' : `, full at ${timeText(allowanceFullAt)}`}`,
    ],
    ['credit', formatPoints(found.credit)],
    ...found.expiring.map(({ amount, expiresAt }): [string, string] => [
      '  expires',
      `${formatPoints(amount)} at ${timeText(expiresAt)}`,
    ]),
    ['held', formatPoints(found.held)],
    ...(found.floor === 0 ? [] : [['floor', formatPoints(found.floor)] as [string, string]]),
    ['experience', formatPoints(found.experience)],
  ];
  print(
    context.io,
    lines.map(([name, value]) => `${name.padEnd(12)}${value}`),
  );
  return 0;
}

export async function grant(
  context: CommandContext,
  accountId: string,
  amountText: string,
  options: Json & AuthorityOptions & { readonly key?: string; readonly expires?: string },
): Promise<number> {
  const amount = parsePoints(amountText, 'points');
  const authority = authorityOf(context.io, options);
  const idempotencyKey = options.key ?? newId();
  const expiresAt = options.expires === undefined ? null : parseTime(options.expires, '--expires');
  if (amount < 0 && expiresAt !== null) throw usage('--expires is for points that are given.');
  const receipt = await withPoints(context, (points) =>
    amount < 0
      ? points.revoke({ accountId, amount: -amount, idempotencyKey, authority })
      : points.grant({ accountId, amount, idempotencyKey, authority, expiresAt }),
  );
  if (options.json === true) return printJson(context.io, { ...receipt, idempotencyKey });
  const done = amount < 0 ? 'Taken' : 'Granted';
  const words = receipt.repeated ? 'Done before under this key, nothing changed' : done;
  print(context.io, [`${words}: ${formatPoints(Math.abs(amount))} points, transfer ${receipt.transferId}.`]);
  return 0;
}

export async function history(
  context: CommandContext,
  accountId: string,
  options: Json & FilterOptions & { readonly limit: string; readonly cursor?: string },
): Promise<number> {
  const page = await withPoints(context, (points) =>
    points.history(accountId, {
      ...filterOf(options),
      limit: parseWholeNumber(options.limit, '--limit'),
      ...(options.cursor === undefined ? {} : { cursor: parseWholeNumber(options.cursor, '--cursor') }),
    }),
  );
  if (options.json === true) return printJson(context.io, page);
  if (page.entries.length === 0) print(context.io, ['Nothing.']);
  else print(context.io, table(page.entries.map(rowOf)));
  if (page.next !== null) context.io.stderr.write(`More with --cursor ${page.next}.\n`);
  return 0;
}

function rowOf(entry: HistoryEntry): Readonly<Record<string, string>> {
  return {
    '#': String(entry.seq),
    time: timeText(entry.at),
    kind: entry.kind,
    amount: formatPoints(entry.amount),
    allowance: formatPoints(entry.balance.allowance),
    credit: formatPoints(entry.balance.credit),
    held: formatPoints(entry.balance.held),
    for: entry.generationId ?? entry.holdId ?? '',
  };
}

export async function estimate(
  context: CommandContext,
  file: string | undefined,
  options: Json & { readonly workflow?: string; readonly account?: string; readonly context: string },
): Promise<number> {
  const source = file === undefined ? null : await readWorkflowSource(file, context.io);
  if (source !== null && source.format !== 'api') {
    throw usage(`${file} is not in API format.`, 'Convert it first: easel convert FILE > graph.json');
  }
  const found = await withPoints(context, (points) =>
    points.estimate({
      workflowName: options.workflow ?? null,
      context: options.context,
      ...(options.account === undefined ? {} : { accountId: options.account }),
      ...(source?.format === 'api' ? { graph: source.graph } : {}),
    }),
  );
  if (options.json === true) return printJson(context.io, found);
  print(context.io, [
    `half of the runs cost at most   ${formatPoints(found.p50)}`,
    `nine of ten cost at most        ${formatPoints(found.p90)}`,
    `is held at submit               ${formatPoints(found.hold)}`,
    ...(found.note === null ? [] : [found.note]),
  ]);
  return 0;
}

export async function verify(context: CommandContext, options: Json): Promise<number> {
  const report = await withPoints(context, (points) => points.verify());
  if (options.json === true) printJson(context.io, report);
  else {
    const { transfers, postings, accounts } = report;
    const looked = `${plural(transfers, 'transfer')}, ${plural(postings, 'posting')}, ${plural(accounts, 'account')}`;
    print(context.io, [report.ok ? `The books are right: ${looked}.` : `Wrong: ${report.discrepancy}`]);
  }
  return report.ok ? 0 : 1;
}

export async function exportLines(
  context: CommandContext,
  accountId: string,
  options: FilterOptions & { readonly format: string },
): Promise<number> {
  const { format } = options;
  if (format !== 'csv' && format !== 'json') throw usage(`--format: "${format}" is unknown.`, 'Use csv or json.');
  const { stdout } = context.io;
  await withPoints(context, async (points) => {
    for await (const piece of points.export(accountId, format, filterOf(options))) {
      if (stdout.write(piece) || stdout.once === undefined) continue;
      await new Promise<void>((drained) => stdout.once?.('drain', drained));
    }
  });
  return 0;
}

export async function statement(
  context: CommandContext,
  accountId: string,
  month: string,
  options: Json,
): Promise<number> {
  const found = await withPoints(context, (points) => points.statement(accountId, month));
  if (options.json === true) return printJson(context.io, found);
  const row = (name: string, count: string, sums: { allowance: number; credit: number; held: number }) => ({
    '': name,
    count,
    allowance: formatPoints(sums.allowance),
    credit: formatPoints(sums.credit),
    held: formatPoints(sums.held),
  });
  print(
    context.io,
    table([
      row('opening', '', found.opening),
      ...Object.entries(found.totals).map(([kind, sums]) => row(kind, String(sums.count), sums)),
      row('closing', '', found.closing),
    ]),
  );
  return 0;
}

export async function audit(
  context: CommandContext,
  accountId: string | undefined,
  options: Json & { readonly limit: string },
): Promise<number> {
  const entries = await withPoints(context, (points) =>
    points.audit({
      limit: parseWholeNumber(options.limit, '--limit'),
      ...(accountId === undefined ? {} : { accountId }),
    }),
  );
  if (options.json === true) return printJson(context.io, entries);
  if (entries.length === 0) print(context.io, ['Nothing.']);
  else {
    const rows = entries.map(({ at, accountId: account, action, actor, reason, details }) => ({
      time: timeText(at),
      account: printable(account),
      action,
      actor: printable(actor),
      details: JSON.stringify(details),
      reason: printable(reason),
    }));
    print(context.io, table(rows));
  }
  return 0;
}

export async function importLegacyUsers(
  context: CommandContext,
  source: string,
  options: Json &
    AuthorityOptions & {
      readonly apply?: boolean;
      readonly map?: readonly string[];
      readonly rate: string;
      readonly database?: string;
    },
): Promise<number> {
  const { io } = context;
  const pointsPerUnit = Number(options.rate);
  if (!(pointsPerUnit > 0 && Number.isFinite(pointsPerUnit))) throw usage('--rate is not a number above 0.');
  const mapping = Object.fromEntries((options.map ?? []).map(parseMapping)) as Partial<LegacyMapping>;
  const users = await readUsers(io, source, options.database);
  const authority = authorityOf(io, { ...options, reason: 'import of legacy users_economy' });
  const plan = planLegacyImport(users, { mapping, pointsPerUnit });
  const report = await withPoints(context, (points) =>
    importLegacy(points, plan, { dryRun: options.apply !== true, authority }),
  );
  if (options.json === true) printJson(io, report);
  else print(io, reportLines(report));
  return report.reconciled ? 0 : 1;
}

const MAX_IMPORT_BYTES = 512 * 1024 * 1024;

async function readUsers(io: CliIo, source: string, database: string | undefined): Promise<LegacyUser[]> {
  if (/^mongodb(\+srv)?:\/\//.test(source)) {
    return readLegacyFromMongo(source, database === undefined ? {} : { database });
  }
  if (source !== '-') {
    const bytes = await readFileBounded(resolve(io.cwd, source), source, MAX_IMPORT_BYTES);
    return parseLegacyDocuments(bytes.toString('utf8'));
  }
  const chunks: Buffer[] = [];
  for await (const chunk of io.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return parseLegacyDocuments(Buffer.concat(chunks).toString('utf8'));
}

function parseMapping(text: string): [string, LegacyTarget] {
  const { name, value } = parseAssignment(text, '--map', 'boints=ignore');
  const targets: readonly string[] = ['credit', 'allowance', 'experience', 'ignore'];
  if (!Object.hasOwn(DEFAULT_MAPPING, name)) {
    throw usage(`--map: there is no field "${name}".`, `Fields are ${Object.keys(DEFAULT_MAPPING).join(', ')}.`);
  }
  if (!targets.includes(value)) throw usage(`--map: "${value}" is no target.`, `Use ${targets.join(', ')}.`);
  return [name, value as LegacyTarget];
}

function reportLines(report: LegacyReport): string[] {
  const rows = Object.entries(report.totals).map(([field, { target, users, amount }]) => {
    const done = report.done[field as keyof typeof report.done];
    return {
      field,
      target,
      users: String(users),
      points: formatPoints(amount),
      imported: formatPoints(done?.imported ?? 0),
      earlier: formatPoints(done?.earlier ?? 0),
      refused: formatPoints((done?.changed ?? 0) + (done?.failed ?? 0)),
    };
  });
  return [
    ...table(rows),
    ...report.rejects.map(
      ({ line, userId, field, value, reason }) =>
        `not imported: line ${line}, user ${printable(userId ?? '?')}${field === null ? '' : `, ${field} ${printable(value)}`}: ${reason}`,
    ),
    ...report.changed.map(
      ({ accountId, field }) => `changed since it was imported: user ${printable(accountId)}, ${field}`,
    ),
    ...report.failed.map(
      ({ accountId, field, reason }) => `refused: user ${printable(accountId)}, ${field}: ${reason}`,
    ),
    report.dryRun
      ? 'Nothing was written. Add --apply to import.'
      : report.reconciled
        ? 'Reconciled.'
        : 'Not reconciled.',
  ];
}

function authorityOf(io: CliIo, { actor, reason }: AuthorityOptions): Authority {
  const who = actor ?? io.environment['USER'] ?? io.environment['USERNAME'];
  if (!who) throw usage('Nobody knows who does this.', 'Name yourself with --actor.');
  return { actor: who, reason: reason ?? '' };
}

function filterOf(options: FilterOptions): HistoryFilter {
  const { kind, generation, from, to } = options;
  if (kind !== undefined && !TRANSFER_KINDS.includes(kind as TransferKind)) {
    throw usage(`--kind: there is no kind "${kind}".`, `Kinds are ${TRANSFER_KINDS.join(', ')}.`);
  }
  return {
    ...(kind === undefined ? {} : { kind: kind as TransferKind }),
    ...(generation === undefined ? {} : { generationId: generation }),
    ...(from === undefined ? {} : { from: parseTime(from, '--from') }),
    ...(to === undefined ? {} : { to: parseTime(to, '--to') }),
  };
}

/** With the names of the columns above. */
function table(rows: readonly Readonly<Record<string, string>>[]): string[] {
  const names = Object.keys(rows[0] ?? {});
  return alignColumns([names, ...rows.map((row) => names.map((name) => row[name] ?? ''))]);
}
