import { z } from 'zod';
import { EaselError } from '../core/errors.js';
import { isId } from '../core/ids.js';
import { isJsonObject, type JsonObject } from '../core/json.js';
import { didYouMean } from '../graph/index.js';
import { type Fault, requestInvalid } from './problem.js';

/** Everything that comes in passes a schema, and what does not fit is told with its place and the way out. */

/** An object that takes no other names; an unknown one is answered with the nearest that it does take. */
export function strictObject<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      // One line per name: `toFaults` takes them apart again.
      return issue.keys.map((name) => unknownName(name, Object.keys(shape))).join('\n');
    },
  });
}

function unknownName(name: string, known: readonly string[]): string {
  const way = didYouMean(name, known) || (known.length === 0 ? 'Nothing is.' : `Known are ${known.join(', ')}.`);
  return `${JSON.stringify(shorten(name))} is not known here. ${way}`;
}

export type Place = 'body' | 'query' | 'headers';

/** Throws `request_invalid` that lists every fault. */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown, place: Place): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) => toFaults(issue, place));
  const [first] = faults;
  if (first === undefined) throw requestInvalid('The request does not fit.');
  const where = first.pointer?.slice(2) ?? first.parameter ?? first.header ?? '';
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  throw requestInvalid(`${where === '' ? '' : `${where}: `}${first.detail}${more}`, faults);
}

function toFaults(issue: z.core.$ZodIssue, place: Place): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    const details = issue.message.split('\n');
    return issue.keys.map((name, index) => toFault(details[index] ?? issue.message, [...issue.path, name], place));
  }
  return [toFault(issue.message.replace(/^Invalid input: /, ''), issue.path, place)];
}

function toFault(detail: string, path: readonly PropertyKey[], place: Place): Fault {
  const names = path.map((name) => shorten(String(name)));
  if (place === 'body') return { detail, pointer: `#${names.map((name) => `/${escapePointer(name)}`).join('')}` };
  return place === 'query' ? { detail, parameter: names[0] ?? '' } : { detail, header: names[0] ?? '' };
}

function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}

const MAX_NAME_CHARS = 100;

/** Fit for a message: not endless, and no half of a surrogate pair. */
function shorten(name: string): string {
  const short = name.length <= MAX_NAME_CHARS ? name : `${name.slice(0, MAX_NAME_CHARS)}…`;
  return short.replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** An id from a path. What cannot be an id names nothing. Throws `not_found`. */
export function pathId(value: string, what: string): string {
  if (!isId(value)) throw new EaselError('not_found', `There is no such ${what}: ids are lower-case UUIDs.`);
  return value;
}

/**
 * For the OpenAPI document: what comes over the wire, where the schema cannot say it because it reads a text (a query) or
 * checks by a function.
 */
export const wire = (schema: Readonly<Record<string, unknown>>) => ({ wire: schema });

/** An object whose content is looked at later, or not at all. */
export const jsonObject = z
  .custom<JsonObject>(isJsonObject, 'expected an object')
  .meta(wire({ type: 'object', additionalProperties: true }));

/** A flag of the query: `1`, `true`, `0`, `false`. */
export const flag = z
  .enum(['1', 'true', '0', 'false'])
  .transform((text) => text === '1' || text === 'true')
  .meta(wire({ type: 'boolean' }))
  .optional();

/** A whole number of the query, written in digits only. */
export const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.number().min(least).max(most))
    .meta(wire({ type: 'integer', minimum: least, maximum: most }));
