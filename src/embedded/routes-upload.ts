import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, parse, resolve } from 'node:path';
import sharp from 'sharp';
import { isJsonObject } from '../core/json.js';
import { openBitmap } from './bitmaps.js';
import { isFolderType, requestedPath } from './file-paths.js';
import { empty, type HttpAnswer, json } from './http-answer.js';
import { bodyChunks, type EngineRequest, type Route } from './http-router.js';
import { multipartBoundary, multipartParts } from './multipart.js';
import type { EngineFolders } from './node.js';
import { insertPngText, readPngText } from './png-text.js';
import { PythonError } from './python-errors.js';
import { readPythonJson } from './python-json.js';
import { isInside } from './save-names.js';

/** Text fields are names and a small JSON object. */
const MAX_FIELD_BYTES = 64 * 1024;

/** `POST /upload/image` and `POST /upload/mask` (comfyui.md 1.8). */
export function uploadRoutes(folders: EngineFolders): Route[] {
  const route = (pattern: string, save: SaveUpload): Route => ({
    method: 'POST',
    pattern,
    handler: (request) => withUpload(folders, request, (form) => store(folders, form, save)),
  });
  return [route('/upload/image', moveInto), route('/upload/mask', saveWithMask)];
}

interface UploadForm {
  readonly fields: ReadonlyMap<string, string>;
  /** The `image` part; null when there is none, a string when it is a plain field. */
  readonly image: SpooledFile | string | null;
}

interface SpooledFile {
  readonly fileName: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

type SaveUpload = (folders: EngineFolders, file: SpooledFile, form: UploadForm, target: string) => Promise<void>;

/** Spools the file part to disk while it arrives; memory holds one chunk. The spool file is always removed. */
async function withUpload(
  folders: EngineFolders,
  request: EngineRequest,
  handle: (form: UploadForm) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  const boundary = multipartBoundary(request.raw.headers['content-type']);
  if (boundary === null) {
    for await (const _ of bodyChunks(request));
    return empty(400);
  }
  const spool = join(folders.temp, `.upload-${randomUUID()}`);
  try {
    return await handle(await readForm(request, boundary, spool));
  } finally {
    await rm(spool, { force: true });
  }
}

async function readForm(request: EngineRequest, boundary: string, spool: string): Promise<UploadForm> {
  const fields = new Map<string, string>();
  let image: UploadForm['image'] = null;
  for await (const part of multipartParts(bodyChunks(request), boundary)) {
    if (part.name === 'image' && image === null && part.fileName !== undefined) {
      // Leading slashes are dropped by the HTTP library of a real server.
      image = await spoolFile(part.fileName.replace(/^[\\/]+/, ''), part.data, spool);
    } else {
      const value = await readField(part.data);
      if (part.name === 'image') image ??= value;
      else if (!fields.has(part.name)) fields.set(part.name, value);
    }
  }
  return { fields, image };
}

async function spoolFile(fileName: string, data: AsyncIterable<Buffer>, path: string): Promise<SpooledFile> {
  await mkdir(parse(path).dir, { recursive: true });
  const handle = await open(path, 'wx');
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of data) {
      hash.update(chunk);
      size += chunk.length;
      await handle.writeFile(chunk);
    }
  } finally {
    await handle.close();
  }
  return { fileName, path, size, sha256: hash.digest('hex') };
}

async function readField(data: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of data) {
    size += chunk.length;
    if (size > MAX_FIELD_BYTES) throw new RangeError('A form field is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function store(folders: EngineFolders, form: UploadForm, save: SaveUpload): Promise<HttpAnswer> {
  const { fields, image } = form;
  if (image === null) return empty(400);
  if (typeof image === 'string') throw new PythonError('AttributeError', "'str' object has no attribute 'file'");
  const type = fields.get('type') ?? 'input';
  if (!isFolderType(type)) throw new PythonError('TypeError', `no folder of type ${type}`);
  const subfolder = fields.get('subfolder') ?? '';
  const base = resolve(folders[type]);
  const folder = resolve(base, subfolder);
  if (!isInside(base, folder) || !isInside(base, resolve(folder, image.fileName))) return empty(400);
  await mkdir(folder, { recursive: true });
  const mayOverwrite = ['true', '1'].includes(fields.get('overwrite') ?? '');
  const { name, isStored } = mayOverwrite ? { name: image.fileName, isStored: false } : await nameFor(folder, image);
  if (!isStored) await save(folders, image, form, join(folder, name));
  return json({ name, subfolder, type });
}

/**
 * The name under which the upload is kept: its own, or `stem (1).ext` and so on while other files have it. A file with
 * the same bytes is taken as the upload itself.
 */
async function nameFor(folder: string, image: SpooledFile): Promise<{ name: string; isStored: boolean }> {
  const { dir, name: stem, ext } = parse(image.fileName);
  for (let count = 0; ; count++) {
    const name = count === 0 ? image.fileName : join(dir, `${stem} (${count})${ext}`);
    const path = join(folder, name);
    const size = await sizeOf(path);
    if (size === null) return { name, isStored: false };
    if (size === image.size && (await sha256Of(path)) === image.sha256) return { name, isStored: true };
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function moveInto(_folders: EngineFolders, file: SpooledFile, _form: UploadForm, target: string): Promise<void> {
  try {
    await rename(file.path, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    // The folders lie on different file systems: copy beside the target first, so that nobody reads half a file.
    const partial = `${target}.partial`;
    await copyFile(file.path, partial);
    await rename(partial, target);
  }
}

/**
 * The alpha channel of the upload replaces that of the original, whose text chunks are kept. When the original is
 * missing or its path illegal, nothing is saved and the client is told a name all the same: a quirk of real servers.
 */
async function saveWithMask(
  folders: EngineFolders,
  file: SpooledFile,
  form: UploadForm,
  target: string,
): Promise<void> {
  const reference = readPythonJson(form.fields.get('original_ref') ?? '');
  if (!isJsonObject(reference)) throw new PythonError('TypeError', 'original_ref is no object');
  const originalPath = requestedPath(folders, {
    filename: String(reference['filename'] ?? ''),
    type: typeof reference['type'] === 'string' ? reference['type'] : null,
    subfolder: typeof reference['subfolder'] === 'string' ? reference['subfolder'] : '',
  });
  if (typeof originalPath === 'number' || (await sizeOf(originalPath)) === null) return;
  const mask = await sharp(file.path).ensureAlpha().extractChannel('alpha').raw().toBuffer({ resolveWithObject: true });
  const { width, height } = mask.info;
  const bytes = await readFile(originalPath);
  const original = await openBitmap(bytes);
  const picture = await original.metadata();
  if (picture.width !== width || picture.height !== height) throw new PythonError('ValueError', 'images do not match');
  // In two steps: in one pipeline sharp would join the channel first and remove it again.
  const colour = await original.toColourspace('srgb').removeAlpha().raw().toBuffer();
  const png = await sharp(colour, { raw: { width, height, channels: 3 } })
    .joinChannel(mask.data, { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();
  await writeFile(target, insertPngText(png, readPngText(bytes)));
}
