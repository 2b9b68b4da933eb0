/**
 * Names for statements that come again: the server then parses each once per connection. Reads are still planned for each
 * call (`plan_cache_mode`), because a plan without values cannot use a partial index; in write transactions, which go by
 * keys, the server may keep the plan.
 */
export class StatementNames {
  readonly #names = new Map<string, string>();
  readonly #seen = new Set<string>();

  /** Undefined for a text that is new, long, or one too many: lists of any length make texts without end. */
  nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (this.#names.size >= MAX_NAMES || text.length > MAX_CHARS) return undefined;
    if (!this.#seen.has(text)) {
      if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
      this.#seen.add(text);
      return undefined;
    }
    this.#seen.delete(text);
    const name = `easel_${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}

const MAX_NAMES = 200;
const MAX_SEEN = 500;
const MAX_CHARS = 4_000;
