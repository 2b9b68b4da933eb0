import type { Backend, BackendCapabilities } from '../../backends/index.js';
import { EaselError, type ErrorInfo, GenerationError, toEaselError } from '../../core/errors.js';
import { silentLogger } from '../../core/log.js';
import type { Easel } from '../../easel.js';
import type { Generation } from '../../generations/index.js';
import { askBackend, backendLabel } from '../backend.js';
import { loadPrivateConfig } from '../configuration.js';
import { ensureWritableFolder } from '../files.js';
import type { CommandContext } from '../program.js';
import { cancelWasVerified, followRun } from '../run/follow.js';
import { Interrupts } from '../run/interrupt.js';
import { type RunOptions, type RunRequest, readRunOptions } from '../run/options.js';
import { folderOf } from '../run/output-names.js';
import { attachFiles, generationRequest, type PreparedRun, prepareRun } from '../run/prepare.js';
import type { ProgressView } from '../run/progress.js';
import { type RunReport, reportJson, reportText } from '../run/report.js';
import { pipeOutput, type SaveContext, type SavedOutput, saveOutputs } from '../run/save-outputs.js';
import { chooseView, hasUnicode } from '../run/view.js';
import { readWorkflowSource, type WorkflowSource } from '../source.js';
import { drawPicture, pictureProtocol, readyForTerminal } from '../terminal/pictures.js';
import { printable, type Style, styleFor } from '../terminal/style.js';
import { Workspace } from '../workspace.js';

/** Everything is private to the command, so one account is enough. */
const ACCOUNT = 'cli';

/** `easel run`: one workflow, from its file to the files that it makes. */
export async function runCommand(context: CommandContext, options: RunOptions, file: string): Promise<number> {
  // Options before files: what was mistyped is told without reading anything.
  readRunOptions(options, context.io.cwd);
  return runSource(context, options, await readWorkflowSource(file, context.io));
}

/** The same for a workflow that is no file. */
export async function runSource(context: CommandContext, options: RunOptions, source: WorkflowSource): Promise<number> {
  const { io } = context;
  const startedAt = io.clock.now();
  const request = readRunOptions(options, io.cwd);
  const workspace = await Workspace.create();
  const view = chooseView(io, options, context.globals);
  const interrupts = new Interrupts(io, () => {
    view.close();
    workspace.removeNow();
  });
  const run = new Run(context, { options, request, source, workspace, view, signal: interrupts.signal, startedAt });
  try {
    return await run.run();
  } finally {
    interrupts.close();
    view.close();
    await workspace.remove();
  }
}

interface RunParts {
  readonly options: RunOptions;
  readonly request: RunRequest;
  readonly source: WorkflowSource;
  readonly workspace: Workspace;
  readonly view: ProgressView;
  readonly signal: AbortSignal;
  readonly startedAt: number;
}

class Run {
  readonly #context: CommandContext;
  readonly #parts: RunParts;
  readonly #style: Style;
  readonly #warnings: string[] = [];

  constructor(context: CommandContext, parts: RunParts) {
    this.#context = context;
    this.#parts = parts;
    this.#style = styleFor(context.io.stderr, context.io.environment, context.globals.color);
  }

  async run(): Promise<number> {
    const { io, globals } = this.#context;
    const { options, request, workspace, view } = this.#parts;
    view.phase('Starting');
    if (request.target !== null) await ensureWritableFolder(folderOf(request.target));
    const { loaded } = await loadPrivateConfig(io, globals, options, workspace.path);
    const { config } = loaded;
    // Only now: a wrong path or option is told at once, without waiting for the libraries of the engine.
    const [{ createEasel }, { createLogger }] = await Promise.all([
      import('../../easel.js'),
      import('../../logger.js'),
    ]);
    const logger =
      globals.debug === true ? createLogger({ ...config, log: { ...config.log, level: 'debug' } }) : silentLogger;
    const easel = await createEasel(config, { logger, clock: io.clock });
    try {
      await easel.start();
      return await this.#work(easel);
    } finally {
      await easel.stop();
    }
  }

  async #work(easel: Easel): Promise<number> {
    const { io } = this.#context;
    const { request, source, view, signal } = this.#parts;
    const backend = requireOne(easel.backends);
    view.phase(`Asking ${backendLabel(backend)}`);
    const { capabilities } = await this.#untilInterrupted(() => askBackend(backend, signal));
    const prepared = await prepareRun({ source, request, backend, capabilities, config: easel.config, cwd: io.cwd });
    for (const warning of prepared.warnings) this.#warn(warning);
    const attachments = await this.#untilInterrupted(() =>
      attachFiles(easel.generations, ACCOUNT, prepared.files, { maxBytes: easel.config.http.maxUploadBytes, signal }),
    );
    this.#stopIfInterrupted();
    const { id } = await easel.generations.submit(
      generationRequest(prepared, ACCOUNT, { name: source.name, attachments, timeoutMs: request.timeoutMs }),
    );
    const generation = await followRun({
      generations: easel.generations,
      id,
      accountId: ACCOUNT,
      backendLabel: backendLabel(backend),
      view,
      clock: io.clock,
      signal,
      onWarning: (message) => this.#warn(message),
      ...(request.timeoutMs === null ? {} : { timeoutMs: request.timeoutMs }),
    });
    if (generation.status !== 'succeeded') return this.#fail(generation, prepared, backend, capabilities);
    view.phase('Saving');
    const outputs = await this.#save(easel, generation, prepared);
    return this.#succeed(easel, generation, { prepared, backend, capabilities, outputs });
  }

  async #save(easel: Easel, generation: Generation, prepared: PreparedRun): Promise<SavedOutput[]> {
    if (generation.outputs.length === 0) {
      throw new GenerationError('outputs_missing', 'The workflow ran to its end and made no output.');
    }
    const { request, source, workspace } = this.#parts;
    const { generations } = easel;
    const context: SaveContext = { generations, generation, name: source.name, seed: prepared.seeds[0]?.value ?? null };
    try {
      return request.target === null
        ? await pipeOutput(context, this.#context.io.stdout)
        : await saveOutputs(context, request.target);
    } catch (thrown) {
      const error = toEaselError(thrown);
      // Minutes of work on a GPU are not thrown away for want of disk space.
      workspace.keep();
      throw new EaselError(error.code, error.message, {
        cause: error,
        hint: `${error.hint} What was made is kept in ${workspace.path}/media.`,
      });
    }
  }

  async #succeed(
    easel: Easel,
    generation: Generation,
    facts: {
      readonly prepared: PreparedRun;
      readonly backend: Backend;
      readonly capabilities: BackendCapabilities;
      readonly outputs: readonly SavedOutput[];
    },
  ): Promise<number> {
    const { io } = this.#context;
    const { options, view } = this.#parts;
    const { prepared, backend, capabilities, outputs } = facts;
    const report = this.#report(generation, prepared, backend, capabilities, outputs);
    view.close();
    if (options.json === true) {
      io.stdout.write(reportJson(report));
      return 0;
    }
    await this.#showPicture(easel, generation);
    const { summary, results } = reportText(report, {
      style: this.#style,
      cwd: io.cwd,
      label: backend.kind === 'embedded' ? 'rehearsal on the built-in engine' : backendLabel(backend),
      unicode: hasUnicode(io.environment),
    });
    if (options.quiet !== true) io.stderr.write(summary);
    if (this.#parts.request.target !== null) io.stdout.write(results);
    return 0;
  }

  /** The result itself, where the terminal can show it. */
  async #showPicture(easel: Easel, generation: Generation): Promise<void> {
    const { stderr, environment } = this.#context.io;
    const { options } = this.#parts;
    const protocol = pictureProtocol(stderr, environment);
    const picture = generation.outputs.find(({ kind, hash }) => kind === 'image' && hash !== null);
    if (protocol === null || picture === undefined || options.preview === false || options.quiet === true) return;
    const { stream } = await easel.generations.openOutput(generation.id, ACCOUNT, picture.ordinal);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const png = await readyForTerminal(Buffer.concat(chunks), picture.contentType, FINAL_PIXELS);
    if (png !== null) stderr.write(`${drawPicture(protocol, png, FINAL_ROWS, false)}\n`);
  }

  #fail(generation: Generation, prepared: PreparedRun, backend: Backend, capabilities: BackendCapabilities): number {
    const { io } = this.#context;
    const error = endError(generation);
    if (this.#parts.options.json !== true) throw error;
    this.#parts.view.close();
    const report = this.#report(generation, prepared, backend, capabilities, [], error.toInfo());
    io.stdout.write(reportJson(report));
    return error.exitCode;
  }

  #report(
    generation: Generation,
    prepared: PreparedRun,
    backend: Backend,
    capabilities: BackendCapabilities,
    outputs: readonly SavedOutput[],
    error?: ErrorInfo,
  ): RunReport {
    const { createdAt, startedAt, finishedAt } = generation;
    const between = (from: number | null, to: number | null) => (from === null || to === null ? null : to - from);
    return {
      id: generation.id,
      status: generation.status,
      workflow: this.#parts.source.name,
      backend: {
        id: backend.id,
        kind: backend.kind,
        url: backend.kind === 'embedded' ? null : backend.displayUrl,
        version: capabilities.version,
      },
      seed: prepared.seeds[0]?.value ?? null,
      seeds: prepared.seeds,
      outputs,
      timings: {
        queuedMs: between(createdAt, startedAt),
        runMs: between(startedAt, finishedAt),
        totalMs: this.#context.io.clock.now() - this.#parts.startedAt,
      },
      attempts: generation.attemptCount,
      warnings: this.#warnings,
      ...(error === undefined ? {} : { error }),
    };
  }

  #warn(message: string): void {
    this.#warnings.push(message);
    this.#parts.view.note(`${this.#style.yellow('warning:')} ${printable(message)}`);
  }

  async #untilInterrupted<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#stopIfInterrupted();
      throw error;
    }
  }

  #stopIfInterrupted(): void {
    if (!this.#parts.signal.aborted) return;
    throw new GenerationError('cancelled', 'Cancelled before anything was sent to the backend.', { hint: '' });
  }
}

const FINAL_PIXELS = 1_024;
const FINAL_ROWS = 20;

function requireOne(backends: readonly Backend[]): Backend {
  const [backend] = backends;
  if (backend === undefined) throw new EaselError('internal', 'The run has no backend.');
  return backend;
}

function endError(generation: Generation): EaselError {
  const { error, status } = generation;
  if (status === 'cancelled') {
    return cancelWasVerified(generation)
      ? new GenerationError('cancelled', 'Cancelled. The backend has stopped the run.', { hint: '' })
      : new GenerationError('cancelled', 'Cancelled, but the backend did not confirm that it stopped the run.', {
          hint: 'Look into its queue: the run may still be going on.',
        });
  }
  if (error === null) return new EaselError('internal', `The generation ended as ${status} without a reason.`);
  const { code, message, hint, retryable, details } = error;
  return new EaselError(code, message, { hint, retryable, ...(details === undefined ? {} : { details }) });
}
