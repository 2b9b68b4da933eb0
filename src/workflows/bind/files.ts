import { EaselError } from '../../core/errors.js';
import type { InputMedia, WorkflowInput } from '../types.js';
import { inputsInvalid } from './bind.js';
import { type GivenValues, type InputProblem, problemAt } from './values.js';

/** Where files of an account are: whoever binds has one. */
export interface FileDesk {
  /** The content type of a stored file of the account, or null when it has none of this id. */
  contentTypeOf(mediaId: string): Promise<string | null>;
  /** Stores a file that came with the request. Its content type is what the bytes say. */
  store(bytes: Uint8Array, declaredType: string): Promise<{ readonly mediaId: string; readonly contentType: string }>;
}

const FITS: Readonly<Record<InputMedia, RegExp>> = {
  image: /^image\//,
  mask: /^image\//,
  // A GIF is a picture and a video, and a video has a sound track.
  video: /^video\/|^image\/(gif|webp|apng|png)$/,
  audio: /^(audio|video)\//,
  file: /./,
};

/** Stored files that are not there, or are not what the input takes. */
export async function wrongFiles(
  inputs: readonly WorkflowInput[],
  given: GivenValues,
  desk: FileDesk | undefined,
): Promise<InputProblem[]> {
  const problems: InputProblem[] = [];
  for (const [name, file] of given.files) {
    if (file.kind === 'data' && takesUpload(inputs, name) && desk === undefined) {
      problems.push(problemAt(name, 'Files are taken by the id of an upload here.'));
    }
    if (file.kind !== 'media' || desk === undefined) continue;
    const contentType = await desk.contentTypeOf(file.mediaId);
    if (contentType === null) {
      problems.push(
        problemAt(
          name,
          'There is no such file. An upload that nothing uses is removed after a while: upload it again.',
        ),
      );
    } else problems.push(...unfit(inputs, name, contentType));
  }
  return problems;
}

/** Stores what came with the request; ids by input. Throws WorkflowError `workflow_input_invalid`, and what `store` throws. */
export async function storeFiles(
  inputs: readonly WorkflowInput[],
  given: GivenValues,
  { workflow, desk }: { readonly workflow: string; readonly desk: FileDesk | undefined },
): Promise<Map<string, string>> {
  const mediaIds = new Map<string, string>();
  for (const [name, file] of given.files) {
    if (file.kind !== 'data' || desk === undefined || !takesUpload(inputs, name)) continue;
    const comma = file.url.indexOf(',');
    const declaredType = file.url.slice('data:'.length, file.url.indexOf(';'));
    const bytes = Buffer.from(file.url.slice(comma + 1), 'base64');
    if (bytes.length === 0) throw inputsInvalid(workflow, [problemAt(name, 'The file is empty, or not base64.')]);
    const { mediaId, contentType } = await desk.store(bytes, declaredType).catch((error: unknown) => {
      throw namingInput(name, error);
    });
    const problems = unfit(inputs, name, contentType);
    if (problems.length > 0) throw inputsInvalid(workflow, problems);
    mediaIds.set(name, mediaId);
  }
  return mediaIds;
}

/** Whoever stores a file does not know which input it is for. */
function namingInput(name: string, error: unknown): unknown {
  if (!(error instanceof EaselError) || error.httpStatus >= 500) return error;
  const { code, message, hint, details } = error;
  return new EaselError(code, `Input "${name}": ${message}`, {
    hint,
    cause: error,
    details: { ...details, errors: [problemAt(name, message)] },
  });
}

function takesUpload(inputs: readonly WorkflowInput[], name: string): boolean {
  return inputs.find((input) => input.name === name)?.takes !== 'url';
}

function unfit(inputs: readonly WorkflowInput[], name: string, contentType: string): InputProblem[] {
  const media = inputs.find((input) => input.name === name)?.media ?? 'file';
  if (FITS[media].test(contentType)) return [];
  return [
    problemAt(
      name,
      `Expected ${media === 'audio' || media === 'image' ? 'an' : 'a'} ${media}; the file is ${contentType}.`,
    ),
  ];
}
