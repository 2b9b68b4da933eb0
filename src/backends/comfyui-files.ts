import type { ComfyUiHttp } from '../comfyui/index.js';
import { BackendError } from '../core/errors.js';
import type { CallOptions, FileOutput, OpenedOutput, UploadedFile, UploadFile } from './spec.js';

/** Files into and out of a ComfyUI server. */

/** Where uploads go, apart from what people put into the input folder themselves. */
const UPLOAD_FOLDER = 'easel';
/** Room for the multipart frame around a file, which counts against the server's limit. */
const MULTIPART_OVERHEAD_BYTES = 4_096;

/**
 * The name is derived from the content (see `UploadFile`), and the server is not told to overwrite: equal content keeps
 * its name without being written again, so a prompt that is reading the file is not disturbed; other content under the
 * same name, such as the rest of an upload that broke off, gets a new name, which is the one that is returned.
 */
export async function uploadFile(
  http: ComfyUiHttp,
  file: UploadFile,
  maxUploadBytes: number | null,
  options: CallOptions,
): Promise<UploadedFile> {
  if (maxUploadBytes !== null && file.bytes + MULTIPART_OVERHEAD_BYTES > maxUploadBytes)
    throw new BackendError(
      'payload_too_large',
      `The file has ${file.bytes} bytes and ${http.displayUrl} takes ${maxUploadBytes} at most.`,
      { hint: 'Send a smaller file, or start ComfyUI with a larger --max-upload-size.', details: { maxUploadBytes } },
    );
  const stored = await http.uploadImage({
    ...options,
    filename: file.filename,
    contentType: file.contentType,
    bytes: file.bytes,
    stream: await file.open(),
    subfolder: UPLOAD_FOLDER,
  });
  return { inputValue: stored.subfolder === '' ? stored.name : `${stored.subfolder}/${stored.name}` };
}

export async function openOutputFile(
  http: ComfyUiHttp,
  output: FileOutput,
  options: CallOptions,
): Promise<OpenedOutput> {
  const { filename, subfolder, type } = output;
  const file = await http.view({ ...options, filename, subfolder, type });
  if (file === null)
    throw new BackendError('output_unavailable', `${http.displayUrl} does not deliver the file ${filename}.`, {
      hint: 'It was deleted there, or it is a preview that a restart wiped; submit again with another seed or prefix.',
      details: { nodeId: output.nodeId, filename, subfolder, type },
    });
  return { stream: file.stream, contentType: file.contentType, contentLength: file.contentLength };
}
