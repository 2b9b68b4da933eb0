import { extname } from 'node:path';
import { StorageError } from '../../core/errors.js';
import type { Generation, GenerationOutput, Generations } from '../../generations/index.js';
import { writeWhole } from '../files.js';
import type { TextOutput } from '../io.js';
import { usage } from '../values.js';
import { nameOutputs, type OutputTarget } from './output-names.js';

/** An output as the user gets it. */
export type SavedOutput = SavedFile | SavedText;

export interface SavedFile {
  readonly kind: Exclude<GenerationOutput['kind'], 'text'>;
  readonly nodeId: string;
  /** Absolute; `-` for standard output. */
  readonly path: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly ordinal: number;
}

export interface SavedText {
  readonly kind: 'text';
  readonly nodeId: string;
  readonly text: string;
}

export interface SaveContext {
  readonly generations: Pick<Generations, 'openOutput'>;
  readonly generation: Generation;
  readonly name: string;
  readonly seed: bigint | number | null;
}

/** Copies every output from the media store to where the user wants it, in order. Throws `storage_failed`. */
export async function saveOutputs(context: SaveContext, target: OutputTarget): Promise<SavedOutput[]> {
  const { generation, name, seed } = context;
  const files = generation.outputs.filter(isFile);
  const names = nameOutputs(
    target,
    files.map((output) => ({ name, seed, nodeId: output.nodeId, extension: extensionOf(output) })),
  );
  const saved: SavedOutput[] = [];
  for (const output of generation.outputs) {
    if (!isFile(output)) {
      saved.push({ kind: 'text', nodeId: output.nodeId, text: output.text ?? '' });
      continue;
    }
    const named = names[files.indexOf(output)];
    if (named === undefined) continue;
    const opened = await context.generations.openOutput(generation.id, generation.accountId, output.ordinal);
    const written = await writeWhole(opened.stream, named.candidates, { replace: named.replace });
    if (written.sha256 !== output.hash) {
      throw new StorageError('storage_failed', `${written.path} does not hold what the backend sent.`, {
        hint: 'Check the disk: what was written and what was read differ.',
      });
    }
    saved.push(describe(output, written.path));
  }
  return saved;
}

/** `--out -`: the only file, as it is. */
export async function pipeOutput(context: SaveContext, output: TextOutput): Promise<SavedOutput[]> {
  const { generation } = context;
  const files = generation.outputs.filter(isFile);
  const [only] = files;
  if (only === undefined || files.length > 1) {
    throw usage(
      `--out - takes one output, and the workflow made ${files.length}.`,
      'Give a folder or a pattern, such as "{name}-{n}.{ext}".',
    );
  }
  const { stream } = await context.generations.openOutput(generation.id, generation.accountId, only.ordinal);
  for await (const chunk of stream) {
    if (output.write(chunk as Buffer) || output.once === undefined) continue;
    await new Promise<void>((resolve) => output.once?.('drain', resolve));
  }
  return [describe(only, '-')];
}

function describe(output: StoredFile, path: string): SavedFile {
  const { kind, nodeId, contentType, bytes, hash, ordinal } = output;
  return { kind, nodeId, path, contentType, bytes, sha256: hash, ordinal };
}

type StoredFile = GenerationOutput & { readonly hash: string };

function isFile(output: GenerationOutput): output is StoredFile {
  return output.hash !== null;
}

/** What the node called the file says more than its content type: `.safetensors`, `.glb`. */
function extensionOf({ filename }: GenerationOutput): string {
  const extension = extname(filename).toLowerCase();
  return /^\.[a-z0-9]{1,12}$/.test(extension) ? extension : '.bin';
}
