const MAX_CHARS = 150;

/** Control characters, and those that turn the direction of writing, so that `gpj.exe` can look like `exe.jpg`. */
const INVISIBLE = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** The last part of a path, without what a file system or a reader could be led astray by. Empty when nothing is left. */
export function displayName(filename: string): string {
  const last = filename.split(/[\\/]/).at(-1) ?? '';
  const clean = last
    .replace(/\p{Surrogate}/gu, '')
    .replace(INVISIBLE, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/^[. ]+|[. ]+$/g, '');
  return shorten(clean);
}

/** The end of a name is its type and stays. */
function shorten(name: string): string {
  const chars = [...name];
  if (chars.length <= MAX_CHARS) return name;
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? '';
  return `${chars.slice(0, MAX_CHARS - extension.length).join('')}${extension}`;
}
