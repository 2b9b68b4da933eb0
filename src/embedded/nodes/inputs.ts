import type { JsonValue } from '../../core/json.js';
import { NodeException } from '../node.js';
import type { LinkValues } from './values.js';

/**
 * The inputs of one node call, read by name and kind. Falls back to the declared default, as the parameters of a Python
 * node do. Throws a `NodeException` (TypeError) when a value is missing or of another kind, which fails the node.
 */
export class Inputs {
  readonly #className: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #defaults: ReadonlyMap<string, JsonValue>;

  constructor(
    className: string,
    values: Readonly<Record<string, unknown>>,
    defaults: ReadonlyMap<string, JsonValue> = new Map(),
  ) {
    this.#className = className;
    this.#values = values;
    this.#defaults = defaults;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  any(name: string): unknown {
    return this.#values[name] ?? this.#defaults.get(name);
  }

  number(name: string): number {
    const value = this.any(name);
    if (typeof value === 'number') return value;
    if (typeof value === 'bigint') return Number(value);
    if (typeof value === 'boolean') return value ? 1 : 0;
    throw this.#wrong(name, 'a number');
  }

  integer(name: string): number {
    return Math.trunc(this.number(name));
  }

  seed(name: string): bigint {
    const value = this.any(name);
    if (typeof value === 'bigint') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return BigInt(Math.trunc(value));
    throw this.#wrong(name, 'an integer');
  }

  text(name: string): string {
    const value = this.any(name);
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
    throw this.#wrong(name, 'a text');
  }

  flag(name: string): boolean {
    return Boolean(this.any(name));
  }

  /** A value of a link type. */
  get<K extends keyof LinkValues>(name: string, kind: K): LinkValues[K] {
    const value = this.#values[name];
    if (!isOfKind(value, kind)) throw this.#wrong(name, `of type ${kind}`);
    return value;
  }

  maybe<K extends keyof LinkValues>(name: string, kind: K): LinkValues[K] | null {
    return this.has(name) ? this.get(name, kind) : null;
  }

  /** With `inputIsList`: all values of an input. */
  list<K extends keyof LinkValues>(name: string, kind: K): LinkValues[K][] {
    const values = this.#values[name];
    if (!Array.isArray(values) || !values.every((value) => isOfKind(value, kind))) {
      throw this.#wrong(name, `a list of ${kind}`);
    }
    return values;
  }

  /** With `inputIsList`: the inputs as if the node were called with the first value of each. */
  first(): Inputs {
    const firsts = Object.entries(this.#values).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]);
    return new Inputs(this.#className, Object.fromEntries(firsts), this.#defaults);
  }

  /** The values of a growing input `name.xxx0`, `name.xxx1`, ..., in order. */
  grown<K extends keyof LinkValues>(name: string, kind: K): LinkValues[K][] {
    return Object.keys(this.#values)
      .filter((key) => key.startsWith(`${name}.`) && this.has(key))
      .map((key) => ({ key, place: Number(/\d+$/.exec(key)?.[0] ?? 0) }))
      .sort((a, b) => a.place - b.place)
      .map(({ key }) => this.get(key, kind));
  }

  /** Names of the inputs that have a value. */
  names(): string[] {
    return Object.keys(this.#values).filter((name) => this.has(name));
  }

  #wrong(name: string, expected: string): NodeException {
    return new NodeException('TypeError', `${this.#className}: input '${name}' must be ${expected}`);
  }
}

function isOfKind<K extends keyof LinkValues>(value: unknown, kind: K): value is LinkValues[K] {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === kind;
}
