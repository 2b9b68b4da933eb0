import { createContext, runInContext } from 'node:vm';
import { NodeException } from '../node.js';

/**
 * Regular expressions of graphs. They come from callers, and one with nested repeats can run for hours; so they run
 * under a time limit, which interrupts the matching itself. Python's notation is translated where it differs.
 */
const TIME_LIMIT_MS = 1_000;

/** All matches, each with its groups; a group that took no part is null. Throws `re.error`, or TimeoutError. */
export function matchAll(pattern: string, flags: string, text: string): readonly (readonly (string | null)[])[] {
  const found = run(
    'JSON.stringify(Array.from(text.matchAll(new RegExp(pattern, flags)), (match) => Array.from(match, (group) => group ?? null)))',
    { pattern: translated(pattern), flags: `g${flags}`, text },
  );
  return JSON.parse(found) as (string | null)[][];
}

/** Replaces up to `limit` matches (0: all). The replacement may use \1 and \g<name>, as in Python. */
export function replaceAll(
  pattern: string,
  flags: string,
  text: string,
  options: { readonly replacement: string; readonly limit: number },
): string {
  return run(
    `const pieces = JSON.parse(template);
     let left = limit || Infinity;
     text.replace(new RegExp(pattern, flags), (...found) => {
       if (left-- <= 0) return found[0];
       const names = typeof found.at(-1) === 'object' ? found.at(-1) : {};
       return pieces.map(([kind, value]) =>
         kind === 'text' ? value : ((kind === 'name' ? names[value] : found[value]) ?? '')).join('');
     })`,
    {
      pattern: translated(pattern),
      flags: `g${flags}`,
      text,
      template: JSON.stringify(templateOf(options.replacement)),
      limit: options.limit,
    },
  );
}

type Piece = readonly ['text', string] | readonly ['name', string] | readonly ['group', number];

function templateOf(replacement: string): Piece[] {
  return (replacement.match(/\\g<\w+>|\\\d{1,2}|\\?[^\\]+|\\/g) ?? []).map((part): Piece => {
    const [, reference] = /^\\g<(\w+)>$/.exec(part) ?? /^\\(\d{1,2})$/.exec(part) ?? [];
    if (reference === undefined) return ['text', part.replace('\\n', '\n').replace('\\t', '\t')];
    return /^\d+$/.test(reference) ? ['group', Number(reference)] : ['name', reference];
  });
}

function run(code: string, values: Readonly<Record<string, unknown>>): string {
  try {
    return String(runInContext(code, createContext({ ...values }), { timeout: TIME_LIMIT_MS }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
      throw new NodeException('TimeoutError', `The regular expression did not finish within ${TIME_LIMIT_MS} ms`);
    }
    // The error is of the context's own realm, so `instanceof Error` does not hold.
    throw new NodeException('re.error', String((error as { message?: unknown }).message ?? error));
  }
}

/** Named groups, and the anchors that only Python has. */
function translated(pattern: string): string {
  return pattern
    .replaceAll('(?P<', '(?<')
    .replace(/\(\?P=(\w+)\)/g, (_, name: string) => `\\k<${name}>`)
    .replaceAll('\\A', '(?<![\\s\\S])')
    .replaceAll('\\Z', '(?![\\s\\S])');
}
