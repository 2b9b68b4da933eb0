/**
 * `Content-Disposition` for a file name that somebody else chose: a backend, and behind it whoever wrote the workflow. The
 * name may hold anything, and a browser will write a file under it.
 */
export function contentDisposition(type: 'inline' | 'attachment', filename: string): string {
  const name = safeFilename(filename);
  const ascii = name.replace(/[^\x20-\x7e]|%/g, '_');
  if (ascii === name) return `${type}; filename="${ascii}"`;
  // RFC 6266: who does not know filename* takes the other one.
  return `${type}; filename="${ascii}"; filename*=UTF-8''${encodeExtended(name)}`;
}

const MAX_FILENAME_CHARS = 150;

/** Control characters, and those that turn the direction of writing, so that `gpj.exe` can look like `exe.jpg`. */
const INVISIBLE = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** The last part of a path, without what a file system or a reader could be led astray by. */
export function safeFilename(filename: string): string {
  const last = filename.split(/[\\/]/).at(-1) ?? '';
  const clean = last
    .replace(/\p{Surrogate}/gu, '')
    .replace(INVISIBLE, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/^[. ]+|[. ]+$/g, '');
  return shorten(clean) || 'output';
}

/** The end of a name is its type and stays. */
function shorten(name: string): string {
  const chars = [...name];
  if (chars.length <= MAX_FILENAME_CHARS) return name;
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? '';
  return `${chars.slice(0, MAX_FILENAME_CHARS - extension.length).join('')}${extension}`;
}

/** RFC 8187: everything but `attr-char` is percent-encoded. */
function encodeExtended(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
