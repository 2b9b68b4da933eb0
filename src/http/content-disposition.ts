import { displayName } from '../media/index.js';

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

/** A name that is safe to write to a disk. */
export function safeFilename(filename: string): string {
  return displayName(filename) || 'output';
}

/** RFC 8187: everything but `attr-char` is percent-encoded. */
function encodeExtended(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
