import { access, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { EaselError, toEaselError } from '../../core/errors.js';
import { isJsonObject, type JsonObject, parseLossless, stringifyLossless } from '../../core/json.js';
import type { NodeDefinitions } from '../../graph/index.js';
import { buildVersion, checkAvailability, draftManifest, nameOfFile, parseManifest } from '../../workflows/index.js';
import { backendLabel } from '../backend.js';
import type { BackendChoice } from '../configuration.js';
import { type Json, print, printJson } from '../print.js';
import type { CommandContext } from '../program.js';
import { readFileBounded, readWorkflowSource, type WorkflowSource } from '../source.js';
import { printable } from '../terminal/style.js';
import { withChosenBackend, withWorkflows } from './open.js';
import { pageOf } from './page.js';
import { availabilityLines, interfaceLines, versionName } from './text.js';

export interface AddOptions extends BackendChoice, Json {
  readonly name?: string;
  readonly manifest?: string;
  readonly label?: readonly string[];
  readonly note?: string;
  readonly dryRun?: boolean;
  readonly refresh?: boolean;
}

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * `easel workflows add`: shows what was found in a file, writes a manifest beside it when there is none, and adds the two
 * as a version.
 */
export async function addWorkflow(context: CommandContext, file: string, options: AddOptions): Promise<number> {
  const { io } = context;
  const source = await readWorkflowSource(file, io);
  const path = manifestPath(source, options, io.cwd);
  const written = path === null ? null : await readManifest(path, options.manifest !== undefined);
  const asked = await askDefinitions(context, source, options);
  const { definitions } = asked;
  const name = options.name ?? (source.folder === null ? 'stdin' : nameOfFile(source.label));
  const fileOf = { ...source, sourceName: source.label };
  const build = (manifest: JsonObject) =>
    buildVersion({
      file: fileOf,
      manifest: parseManifest(manifest, path ?? 'The manifest'),
      ...(definitions === null ? {} : { definitions }),
    });
  const manifest = written ?? draftManifest(name, build({}).interface);
  const built = build(manifest);
  const isDraft = written === null && path !== null;
  if (isDraft && options.dryRun !== true) await writeManifest(path, manifest);
  const added =
    options.dryRun === true
      ? null
      : await withWorkflows(context, (workflows) =>
          workflows.add({
            name,
            file: fileOf,
            manifest,
            source: 'cli',
            labels: options.label ?? [],
            ...(definitions === null ? {} : { definitions }),
            ...(options.note === undefined ? {} : { note: options.note }),
            ...(options.refresh === undefined ? {} : { refresh: options.refresh }),
          }),
        );
  const version = added?.version ?? null;
  const about = version?.interface ?? built.interface;
  const missing = version === null || definitions === null ? null : checkAvailability(version, definitions);
  if (options.json === true) {
    return printJson(io, {
      name: added?.workflow.name ?? name,
      version: version === null ? null : { number: version.number, hash: version.hash },
      isNew: added?.isNew ?? null,
      manifest: path,
      manifestWritten: isDraft && options.dryRun !== true,
      interface: about,
      left: built.left.map((input) => ({ name: input.name, target: `${input.nodeId}.${input.input}` })),
      missing,
      warnings: [...built.warnings.map(({ message }) => message), ...asked.warnings],
    });
  }
  const page = pageOf(context);
  const { style } = page;
  const done =
    added === null
      ? `${style.bold(name)}: nothing was added (--dry-run)`
      : `${style.bold(printable(added.workflow.name))} ${versionName(added.version)} ${added.isNew ? style.green('added') : 'is there already'}`;
  const left = built.left.map((input) => input.name);
  return print(io, [
    done,
    ...(isDraft && options.dryRun !== true ? [`Wrote ${path}: edit it, and add the file again.`] : []),
    ...interfaceLines(about, page),
    ...(left.length === 0
      ? []
      : ['', style.dim(`Found, and not offered: ${left.join(', ')}. List them in the manifest to offer them.`)]),
    ...(missing === null ? [] : ['', ...availabilityLines(asked.label, missing, page)]),
    ...[...built.warnings.map(({ message }) => message), ...asked.warnings].map(
      (text) => `${style.yellow('warning:')} ${printable(text)}`,
    ),
  ]);
}

function manifestPath(source: WorkflowSource, { manifest }: AddOptions, cwd: string): string | null {
  if (manifest !== undefined) return resolve(cwd, manifest);
  return source.folder === null ? null : join(source.folder, `${source.name}.easel.json`);
}

/** Null when there is none, unless it was asked for by name. Throws `workflow_manifest_invalid`, `file_unreadable`. */
async function readManifest(path: string, isNamed: boolean): Promise<JsonObject | null> {
  if (!isNamed && !(await exists(path))) return null;
  const bytes = await readFileBounded(path, path, MAX_MANIFEST_BYTES);
  let value: unknown;
  try {
    value = parseLossless(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    const reason = error instanceof Error ? ` ${error.message}` : '';
    throw new EaselError('workflow_manifest_invalid', `${path} is not valid JSON.${reason}`, { cause: error });
  }
  if (isJsonObject(value)) return value;
  throw new EaselError('workflow_manifest_invalid', `${path} is not a JSON object.`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function writeManifest(path: string, manifest: JsonObject): Promise<void> {
  try {
    // Never over one that somebody wrote in the meantime.
    await writeFile(path, `${stringifyLossless(manifest, 2)}\n`, { flag: 'wx' });
  } catch (error) {
    throw new EaselError('file_unreadable', `${path} cannot be written.`, {
      hint: 'Name a place for it with --manifest, or write one there yourself.',
      cause: error,
    });
  }
}

interface Asked {
  readonly definitions: NodeDefinitions | null;
  readonly label: string;
  readonly warnings: readonly string[];
}

/** A graph can do without a backend; then the types of its values are what they look like. */
async function askDefinitions(context: CommandContext, source: WorkflowSource, choice: BackendChoice): Promise<Asked> {
  try {
    return await withChosenBackend(context, choice, async (backend, definitions) => ({
      definitions,
      label: backendLabel(backend),
      warnings: [],
    }));
  } catch (thrown) {
    const error = toEaselError(thrown);
    if (source.graph === undefined || choice.backend !== undefined || !error.code.startsWith('backend_')) throw error;
    const warning = `No backend was asked, so types and limits are guesses: ${error.message}`;
    return { definitions: null, label: '', warnings: [warning] };
  }
}
