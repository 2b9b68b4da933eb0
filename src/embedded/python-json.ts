import type { JsonValue } from '../core/json.js';

/**
 * JSON as Python's `json` module reads and writes it, which is what a real server speaks (comfyui.md 1.1): the bare
 * tokens NaN, Infinity and -Infinity in both directions, integers of any size, the last of two equal keys wins, and on
 * the way out a space after `:` and `,` and ASCII only.
 *
 * Unlike `core/json.ts`, which reads what others say, this keeps NaN as a value: a graph with NaN in it must run, be
 * shown in the history, and never match the cache.
 */
export function readPythonJson(text: string): JsonValue {
  const reader = new Reader(text);
  return reader.document();
}

/**
 * Writes a value as `json.dumps` does. A Map becomes an object that keeps its order, which a JavaScript object with
 * keys like "12" does not. Also right for text in PNG chunks, where readers decode Latin-1 and a raw UTF-8
 * byte would come back as two wrong characters.
 */
export function asciiJson(value: unknown): string {
  return write(value).replace(/[\u007f-\uffff]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function write(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return writeNumber(value);
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      break;
    default:
      return 'null';
  }
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(write).join(', ')}]`;
  const members: string[] = [];
  for (const [key, member] of value instanceof Map ? value : Object.entries(value)) {
    if (member !== undefined) members.push(`${JSON.stringify(String(key))}: ${write(member)}`);
  }
  return `{${members.join(', ')}}`;
}

function writeNumber(value: number): string {
  if (Number.isFinite(value)) return JSON.stringify(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'Infinity' : '-Infinity';
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const WHITE_SPACE = /[ \t\n\r]*/y;
/** A string without escapes and control characters (so from space upwards, less quote and backslash), which is nearly every string. */
const PLAIN_STRING = /"[ !#-[\]-\uffff]*"/y;
/** Any string; JSON.parse then judges its escapes. */
const ANY_STRING = /"(?:[^"\\]|\\[\s\S])*"/y;
const TOKENS: readonly (readonly [string, JsonValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
];
/** Deeper nesting would exhaust the stack; Python gives up at about 1,000 too. */
const MAX_DEPTH = 900;

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonValue {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#error('Extra data');
    return value;
  }

  #value(): JsonValue {
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
    }
    const number = this.#match(NUMBER);
    if (number) return this.#number(number);
    for (const [token, value] of TOKENS) {
      if (this.#text.startsWith(token, this.#at)) {
        this.#at += token.length;
        return value;
      }
    }
    throw this.#error('Expecting value');
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw this.#error('Too deeply nested');
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): JsonValue {
    const result: { [key: string]: JsonValue } = {};
    if (this.#take('}')) return result;
    do {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') throw this.#error('Expecting property name');
      const key = this.#string();
      if (!this.#take(':')) throw this.#error("Expecting ':' delimiter");
      const value = this.#value();
      // A plain assignment of `__proto__` would change the prototype instead of adding a member.
      if (key === '__proto__') Object.defineProperty(result, key, { value, enumerable: true, writable: true });
      else result[key] = value;
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#error("Expecting ',' delimiter");
    return result;
  }

  #array(): JsonValue {
    const result: JsonValue[] = [];
    if (this.#take(']')) return result;
    do result.push(this.#value());
    while (this.#take(','));
    if (!this.#take(']')) throw this.#error("Expecting ',' delimiter");
    return result;
  }

  #string(): string {
    const plain = this.#match(PLAIN_STRING);
    if (plain) return plain[0].slice(1, -1);
    const any = this.#match(ANY_STRING);
    if (!any) throw this.#error('Unterminated string');
    return JSON.parse(any[0]) as string;
  }

  #number(match: RegExpExecArray): JsonValue {
    const value = Number(match[0]);
    const isInteger = match[1] === undefined && match[2] === undefined;
    return isInteger && !Number.isSafeInteger(value) ? BigInt(match[0]) : value;
  }

  /** Skips white space, and takes `character` when it comes next. */
  #take(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    WHITE_SPACE.lastIndex = this.#at;
    WHITE_SPACE.exec(this.#text);
    this.#at = WHITE_SPACE.lastIndex;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  #error(message: string): SyntaxError {
    return new SyntaxError(`${message}: char ${this.#at}`);
  }
}
