import { basename } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { openBitmap } from './bitmaps.js';
import { contentTypeOf } from './content-types.js';
import { fileAnswer } from './file-answer.js';
import { isContained, requestedPath } from './file-paths.js';
import { empty, type HttpAnswer } from './http-answer.js';
import type { EngineRequest, Route } from './http-router.js';
import type { EngineFolders } from './node.js';

const DEFAULT_QUALITY = 90;

/** `GET /view` (comfyui.md 1.7). */
export function viewRoutes(folders: EngineFolders): Route[] {
  return [{ method: 'GET', pattern: '/view', handler: (request) => view(folders, request) }];
}

async function view(folders: EngineFolders, { query, raw }: EngineRequest): Promise<HttpAnswer> {
  const filename = query.get('filename');
  if (filename === null) return empty(404);
  const path = requestedPath(folders, {
    filename,
    type: query.get('type'),
    subfolder: query.get('subfolder') ?? '',
  });
  if (typeof path === 'number') return empty(path);
  try {
    if (!(await isContained(folders, path))) return empty(403);
    const headers = { 'content-disposition': `filename="${headerText(basename(path))}"` };
    const channel = query.get('channel') ?? '';
    const preview = query.get('preview');
    if (preview !== null) return await reencoded(path, preview, channel, headers);
    if (channel === 'rgb') return await png((await openBitmap(path)).removeAlpha(), headers);
    if (channel === 'a') return await alphaOnly(path, headers);
    return await fileAnswer(path, raw.headers, { ...headers, 'content-type': contentTypeOf(path) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return empty(404);
    throw error;
  }
}

/** Header values hold Latin-1 only; what does not fit is written as UTF-8 bytes, as a real server does. */
function headerText(name: string): string {
  return Buffer.from(name, 'utf8')
    .toString('latin1')
    .replace(/[\r\n\0]/g, '');
}

async function reencoded(
  path: string,
  preview: string,
  channel: string,
  headers: Readonly<Record<string, string>>,
): Promise<HttpAnswer> {
  const parts = preview.split(';');
  const isJpeg = parts[0] === 'jpeg' && !channel.includes('a');
  const lastPart = parts.at(-1) ?? '';
  const quality = /^\d+$/.test(lastPart) ? Math.min(100, Math.max(1, Number(lastPart))) : DEFAULT_QUALITY;
  const image = isJpeg || channel === 'rgb' ? (await openBitmap(path)).removeAlpha() : await openBitmap(path);
  const body = await (isJpeg ? image.jpeg({ quality }) : image.webp({ quality })).toBuffer();
  return { status: 200, headers: { ...headers, 'content-type': isJpeg ? 'image/jpeg' : 'image/webp' }, body };
}

async function png(image: Sharp, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
  return { status: 200, headers: { ...headers, 'content-type': 'image/png' }, body: await image.png().toBuffer() };
}

/** Black with the picture's alpha; opaque when it has none. */
async function alphaOnly(path: string, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
  const { data, info } = await (await openBitmap(path))
    .ensureAlpha()
    .extractChannel('alpha')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const black = sharp({ create: { width, height, channels: 3, background: '#000' } });
  return png(black.joinChannel(data, { raw: { width, height, channels: 1 } }), headers);
}
