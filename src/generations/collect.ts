import type { AttemptOutput, AttemptResult, Backend, FileOutput } from '../backends/spec.js';
import { type Clock, sleep } from '../core/clock.js';
import { type EaselError, GenerationError, StorageError, toEaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import type { Db } from '../db/index.js';
import type { MediaStore, StagedMedia } from '../media/index.js';
import { insertPendingMedia } from './media-rows.js';
import type { Probe } from './seams.js';
import type { AttemptIdentity, StoredOutput } from './settle.js';

/**
 * Copies an attempt's outputs from the backend into the media store, before the generation may be called done.
 *
 * Bytes are streamed to a staged file, then a `pending` row says whose the object will be, then the object gets its name.
 * In this order a crash never leaves an object that no row knows of: staged files of a dead process are swept by owner,
 * pending rows by their closed attempt. A second collect of the same attempt (after a crash) uses the rows of the first.
 */
export interface CollectContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly media: MediaStore;
  readonly probe: Probe;
  /** Owner tag of staged files. */
  readonly owner: string;
  readonly collectMs: number;
  readonly maxOutputBytes: number;
  /** Repeats a write while the database is away. */
  readonly persist: <T>(write: () => Promise<T>) => Promise<T>;
}

/** Files of one attempt that are fetched at the same time. More only makes them wait for each other. */
const PARALLEL_DOWNLOADS = 4;
const DOWNLOAD_TRIES = 3;
const RETRY_DELAY_MS = 250;

/** Which reported outputs are kept: saved files, or, where a graph saves nothing, its previews. Texts always. */
function outputsToKeep(result: AttemptResult): readonly AttemptOutput[] {
  const isSaved = (output: AttemptOutput) => output.kind !== 'text' && output.type === 'output';
  const anySaved = result.outputs.some(isSaved);
  return result.outputs.filter(
    (output) => output.kind === 'text' || isSaved(output) || (!anySaved && output.type === 'temp'),
  );
}

export type StagedOutputs = ReadonlyMap<FileOutput, StagedMedia>;

/** Copies the files to where they have no name yet. On failure nothing is left behind. */
export function stageOutputs(
  context: CollectContext,
  backend: Pick<Backend, 'openOutput'>,
  attempt: AttemptIdentity,
  result: AttemptResult,
  signal: AbortSignal,
): Promise<StagedOutputs> {
  const files = outputsToKeep(result).filter((output): output is FileOutput => output.kind !== 'text');
  return stageAll(context, backend, attempt, files, signal);
}

/** Gives staged files an owner and then a name. */
export async function storeOutputs(
  context: CollectContext,
  attempt: AttemptIdentity,
  accountId: string,
  result: AttemptResult,
  staged: StagedOutputs,
): Promise<StoredOutput[]> {
  try {
    const pending = { accountId, attempt, files: [...staged.values()] };
    const mediaIds = await context.persist(() => insertPendingMedia(context, pending));
    for (const file of staged.values()) {
      await context.media.commit(file);
      await context.probe('output-stored', attempt);
    }
    return outputsToKeep(result).map((output, ordinal) => describe(output, ordinal, staged, mediaIds));
  } catch (error) {
    await discardOutputs(context, staged);
    throw error;
  }
}

export async function discardOutputs(context: CollectContext, staged: StagedOutputs): Promise<void> {
  await Promise.allSettled([...staged.values()].map((file) => context.media.discard(file)));
}

async function stageAll(
  context: CollectContext,
  backend: Pick<Backend, 'openOutput'>,
  attempt: AttemptIdentity,
  files: readonly FileOutput[],
  outerSignal: AbortSignal,
): Promise<Map<FileOutput, StagedMedia>> {
  const staged = new Map<FileOutput, StagedMedia>();
  const abort = new AbortController();
  const onOuterAbort = () => abort.abort(outerSignal.reason);
  if (outerSignal.aborted) onOuterAbort();
  outerSignal.addEventListener('abort', onOuterAbort, { once: true });
  const deadline = context.clock.setTimer(() => {
    abort.abort(
      new GenerationError('collect_timeout', `The outputs could not be fetched within ${context.collectMs} ms.`),
    );
  }, context.collectMs);
  try {
    const waiting = [...files];
    const worker = async () => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        staged.set(file, await stageOne(context, backend, file, abort.signal));
        await context.probe('output-staged', attempt);
      }
    };
    const workers = Array.from({ length: Math.min(PARALLEL_DOWNLOADS, files.length) }, worker);
    try {
      await Promise.all(workers);
    } catch (error) {
      abort.abort(error);
      await Promise.allSettled(workers);
      throw error;
    }
    return staged;
  } catch (error) {
    await discardOutputs(context, staged);
    throw error;
  } finally {
    deadline.cancel();
    outerSignal.removeEventListener('abort', onOuterAbort);
  }
}

async function stageOne(
  context: CollectContext,
  backend: Pick<Backend, 'openOutput'>,
  file: FileOutput,
  signal: AbortSignal,
): Promise<StagedMedia> {
  for (let attempt = 1; ; attempt += 1) {
    let isOpen = false;
    try {
      signal.throwIfAborted();
      const opened = await backend.openOutput(file, { signal });
      isOpen = true;
      const media = await context.media.stage(opened.stream, {
        owner: context.owner,
        maxBytes: context.maxOutputBytes,
        declaredType: opened.contentType,
        signal,
      });
      if (opened.contentLength !== null && media.bytes !== opened.contentLength) {
        await context.media.discard(media);
        throw new StorageError(
          'output_unavailable',
          `The backend promised ${opened.contentLength} bytes and sent ${media.bytes}.`,
        );
      }
      return media;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const known = nameFile(toEaselError(error), file, isOpen);
      if (attempt >= DOWNLOAD_TRIES || !known.retryable) throw known;
      await sleep(context.clock, RETRY_DELAY_MS * attempt, signal);
    }
  }
}

/** A stream that breaks reports the socket's error: say which file it was, and that it is the file that is missing. */
function nameFile(error: EaselError, file: FileOutput, isOpen: boolean): EaselError {
  if (error.code !== 'internal' && !(isOpen && error.code === 'backend_unreachable')) return error;
  return new StorageError(
    'output_unavailable',
    `The output file ${file.filename} could not be read to its end: ${error.message}`,
    {
      cause: error.cause,
      details: { filename: file.filename, nodeId: file.nodeId },
    },
  );
}

function describe(
  output: AttemptOutput,
  ordinal: number,
  staged: ReadonlyMap<FileOutput, StagedMedia>,
  mediaIds: ReadonlyMap<string, string>,
): StoredOutput {
  const common = { id: newId(), ordinal, nodeId: output.nodeId, key: output.key, kind: output.kind };
  if (output.kind === 'text') {
    const bytes = Buffer.byteLength(output.text);
    return { ...common, filename: '', contentType: 'text/plain', bytes, mediaId: null, text: output.text };
  }
  const file = staged.get(output);
  const mediaId = file === undefined ? undefined : mediaIds.get(file.hash);
  if (file === undefined || mediaId === undefined) {
    throw new StorageError('storage_failed', `The output file ${output.filename} was not stored.`);
  }
  return {
    ...common,
    filename: output.filename,
    contentType: file.contentType,
    bytes: file.bytes,
    mediaId,
    text: null,
  };
}
