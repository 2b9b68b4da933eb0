import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { EaselError } from '../../core/errors.js';
import { parseLossless } from '../../core/json.js';
import { definedOnly } from '../../core/objects.js';
import type { Easel } from '../../easel.js';
import type { MediaFile, MediaInfo, RecipeInput } from '../../media/index.js';
import { writeWhole } from '../files.js';
import type { CliIo } from '../io.js';
import { withEasel } from '../open.js';
import { type Json, print, printJson } from '../print.js';
import type { CommandContext } from '../program.js';
import { printable } from '../terminal/style.js';
import { formatBytes, plural } from '../terminal/words.js';
import { parseDuration, parseWholeNumber, usage } from '../values.js';

/** `easel media …`: works on database and store themselves, without starting anything. */
interface Common extends Json {
  readonly account: string;
}

export async function list(
  context: CommandContext,
  options: Common & { readonly limit: string; readonly before?: string; readonly pinned?: boolean },
): Promise<number> {
  const limit = parseWholeNumber(options.limit, '--limit');
  const filter = definedOnly({ before: options.before, pinned: options.pinned });
  const { files, usage: used } = await withEasel(context, async ({ media }) => ({
    files: await media.list({ accountId: options.account, limit, ...filter }),
    usage: await media.usage(options.account),
  }));
  if (options.json === true) return printJson(context.io, { files, usage: used });
  const quota = used.quotaBytes === 0 ? '' : ` of ${formatBytes(used.quotaBytes)}`;
  print(context.io, [...files.map(lineOf), `${plural(used.files, 'file')}, ${formatBytes(used.bytes)}${quota}`]);
  return 0;
}

export async function show(context: CommandContext, id: string, options: Common): Promise<number> {
  const info = await withEasel(context, ({ media }) => media.info(id, options.account));
  if (options.json === true) return printJson(context.io, withGraph(info));
  print(context.io, describe(info));
  return 0;
}

export async function put(
  context: CommandContext,
  source: string,
  options: Common & { readonly pin?: boolean },
): Promise<number> {
  const file = await withEasel(context, async (easel) => {
    const stored = await take(easel, context.io, source, options.account);
    return options.pin === true ? easel.media.pin(stored.id, options.account, true) : stored;
  });
  if (options.json === true) return printJson(context.io, file);
  print(context.io, [lineOf(file)]);
  return 0;
}

async function take({ media, config }: Easel, io: CliIo, source: string, accountId: string): Promise<MediaFile> {
  const limits = { maxBytes: config.http.maxUploadBytes };
  if (/^https?:\/\//i.test(source)) return media.fetchUrl(accountId, source, limits);
  if (source === '-') return media.put(accountId, io.stdin, limits);
  const path = resolve(io.cwd, source);
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) throw new EaselError('file_unreadable', `There is no file ${printable(source)}.`);
  return media.put(accountId, createReadStream(path), { ...limits, filename: basename(path) });
}

interface DeriveOptions extends Common {
  readonly out: string;
  readonly preset?: string;
  readonly width?: string;
  readonly height?: string;
  readonly fit?: string;
  readonly format?: string;
  readonly quality?: string;
  readonly keepMetadata?: boolean;
  readonly watermark?: boolean;
  readonly frame?: string;
  readonly force?: boolean;
}

export async function derive(context: CommandContext, id: string, options: DeriveOptions): Promise<number> {
  const number = (name: 'width' | 'height' | 'quality') =>
    options[name] === undefined ? undefined : parseWholeNumber(options[name], `--${name}`);
  const recipe = definedOnly({
    ...{ preset: options.preset, fit: options.fit, format: options.format, watermark: options.watermark },
    ...{ width: number('width'), height: number('height'), quality: number('quality') },
    metadata: options.keepMetadata === true ? 'keep' : undefined,
    frameMs: options.frame === undefined ? undefined : parseDuration(options.frame, '--frame'),
  });
  return withEasel(context, async ({ media }) => {
    // Checked where it is used; the names here are texts.
    const derived = await media.derive(id, options.account, recipe as RecipeInput);
    const { stream } = await media.store.open(derived.hash);
    if (options.out === '-') {
      for await (const chunk of stream) context.io.stdout.write(chunk as Buffer);
      return 0;
    }
    const path = resolve(context.io.cwd, options.out);
    const written = await writeWhole(stream, [path], { replace: options.force === true });
    if (options.json === true) return printJson(context.io, { ...derived, path: written.path });
    const size = derived.width === null ? '' : `, ${derived.width}x${derived.height}`;
    print(context.io, [`${printable(options.out)}: ${derived.contentType}, ${formatBytes(derived.bytes)}${size}`]);
    return 0;
  });
}

export async function remove(context: CommandContext, ids: readonly string[], options: Common): Promise<number> {
  await withEasel(context, async ({ media }) => {
    for (const id of ids) await media.remove(id, options.account);
  });
  if (options.json === true) return printJson(context.io, { removed: ids });
  print(context.io, [`Removed ${plural(ids.length, 'file')}.`]);
  return 0;
}

export async function sweep(
  context: CommandContext,
  options: { readonly orphans?: boolean; readonly json?: boolean },
): Promise<number> {
  const report = await withEasel(context, ({ media }) => media.sweep({ orphans: options.orphans === true }));
  if (options.json === true) return printJson(context.io, report);
  const { staged, pending, removals, derived, expired, orphans } = report;
  print(context.io, [
    `Removed ${plural(staged + pending, 'remain')} of uploads, ${plural(removals, 'half-removed object')}, ${plural(derived, 'unused derived file')}, ${plural(expired, 'expired file')}, ${plural(orphans, 'orphan')}.`,
  ]);
  return 0;
}

export async function deleteAccount(
  context: CommandContext,
  account: string,
  options: { readonly json?: boolean },
): Promise<number> {
  if (account === '') throw usage('Name the account.');
  const removed = await withEasel(context, (easel) => easel.removeAccount(account));
  if (options.json === true) return printJson(context.io, removed);
  print(context.io, [`Removed ${plural(removed.generations, 'generation')} and ${plural(removed.files, 'file')}.`]);
  return 0;
}

function describe(info: MediaInfo): string[] {
  const { facts, provenance } = info;
  const lines: [string, string][] = [
    ['id', info.id],
    ['name', printable(info.filename ?? '-')],
    ['type', info.contentType],
    ['bytes', String(info.bytes)],
    ['sha256', info.hash],
    ['stored', `${new Date(info.createdAt).toISOString()}, ${info.source}${info.pinned ? ', pinned' : ''}`],
  ];
  if (facts.width !== null) {
    const frames = (facts.frames ?? 1) > 1 ? `, ${facts.frames} frames` : '';
    lines.push(['size', `${facts.width} x ${facts.height}${frames}`]);
  }
  if (facts.blurhash !== null) lines.push(['blurhash', facts.blurhash]);
  if (provenance !== null) {
    const { generationId, ordinal, nodeId, key, backendId, workflowName, workflowVersion, models, loras } = provenance;
    lines.push(['generation', `${generationId}, output ${ordinal} (node ${nodeId}, ${key})`], ['backend', backendId]);
    if (workflowName !== null)
      lines.push(['workflow', printable([workflowName, workflowVersion ?? ''].join(' ').trim())]);
    if (models.length > 0) lines.push(['models', printable(models.join(', '))]);
    if (loras.length > 0) lines.push(['loras', printable(loras.join(', '))]);
    for (const [place, seed] of Object.entries(provenance.seeds)) lines.push(['seed', `${seed} (${printable(place)})`]);
  }
  return lines.map(([name, value]) => `${name.padEnd(12)}${value}`);
}

function withGraph(info: MediaInfo): object {
  const { provenance } = info;
  if (provenance === null) return info;
  return { ...info, provenance: { ...provenance, graph: parseLossless(provenance.graph) } };
}

function lineOf(file: MediaFile): string {
  const { id, contentType, bytes, filename, pinned } = file;
  return `${id}  ${contentType.padEnd(16)}  ${formatBytes(bytes).padStart(9)}  ${printable(filename ?? '-')}${pinned ? '  (pinned)' : ''}`;
}
