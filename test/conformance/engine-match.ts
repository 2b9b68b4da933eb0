/**
 * Compares what was recorded with what the engine said, value by value. Names that a server invents (ids, temporary file
 * names) must map one to one; times and the text of tracebacks may differ; the order of sets does not count.
 */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const INVENTED_SID = /^[0-9a-f]{32}$/;
const TEMP_FILE = /^ComfyUI_temp_[a-z]{5}_\d{5}_\.png$/;

const TIMES = new Set(['timestamp', 'create_time', 'execution_start_time', 'execution_end_time']);
/** Python sets, printed in any order. */
const SETS = new Set(['executed', 'current_outputs', 'errors']);
/** Facts about the machine and its disk: only their types are compared. */
const OF_THE_MACHINE = /^(?:system\.(?:ram_\w+|python_version|pytorch_version|argv)|devices\[0\]\.\w*vram_\w+)$/;

export class Matcher {
  readonly #actualOf = new Map<string, string>();
  readonly #recordedOf = new Map<string, string>();
  /** Recorded queue counter minus ours; unknown until the first answer to a submit. */
  #counterOffset: number | null = null;

  /** Puts the engine's names for the recorded ones into something that is sent. */
  translate(text: string): string {
    let translated = text;
    for (const [recorded, actual] of this.#actualOf) translated = translated.replaceAll(recorded, actual);
    return translated;
  }

  /** Notes that the server named something itself, in a place that is not compared. */
  bind(recorded: string, actual: string): boolean {
    const known = this.#actualOf.get(recorded);
    if (known !== undefined || this.#recordedOf.has(actual)) return known === actual;
    this.#actualOf.set(recorded, actual);
    this.#recordedOf.set(actual, recorded);
    return true;
  }

  setCounterOffset(offset: number): void {
    this.#counterOffset ??= offset;
  }

  /** Differences, each as `path: recorded … actual …`; none when both say the same. */
  compare(recorded: unknown, actual: unknown, path = ''): string[] {
    const key = /([A-Za-z_]+)$/.exec(path)?.[1] ?? '';
    if (TIMES.has(key) && typeof recorded === 'number') {
      return typeof actual === 'number' ? [] : [differs(path, recorded, actual)];
    }
    if (OF_THE_MACHINE.test(path)) return typeof recorded === typeof actual ? [] : [differs(path, recorded, actual)];
    if (key === 'traceback' && Array.isArray(recorded)) {
      const isAlike = Array.isArray(actual) && actual.length > 0 === recorded.length > 0;
      return isAlike ? [] : [differs(path, recorded, actual)];
    }
    if (typeof recorded === 'string' && typeof actual === 'string') return this.#compareText(recorded, actual, path);
    if (typeof recorded === 'number' && typeof actual === 'number') return this.#compareNumber(recorded, actual, path);
    if (Array.isArray(recorded) && Array.isArray(actual)) return this.#compareLists(recorded, actual, path, key);
    if (isObject(recorded) && isObject(actual)) return this.#compareObjects(recorded, actual, path);
    return Object.is(recorded, actual) ? [] : [differs(path, recorded, actual)];
  }

  #compareText(recorded: string, actual: string, path: string): string[] {
    const isInvented = [UUID, INVENTED_SID, TEMP_FILE].some((form) => form.test(recorded) && form.test(actual));
    if (isInvented && recorded !== actual) {
      return this.bind(recorded, actual) ? [] : [differs(path, this.#actualOf.get(recorded) ?? recorded, actual)];
    }
    const withoutPaths = (text: string) => text.replace(/(full_output_folder|output_dir|commonpath): .*/g, '$1: …');
    return withoutPaths(this.translate(recorded)) === withoutPaths(actual) ? [] : [differs(path, recorded, actual)];
  }

  #compareNumber(recorded: number, actual: number, path: string): string[] {
    const isCounter = /(?:^|\.)(?:number|priority|prompt\[0\]|queue_(?:running|pending)\[\d+\]\[0\])$/.test(path);
    const offset = isCounter ? (this.#counterOffset ?? 0) : 0;
    const candidates = [recorded, recorded - offset, recorded + offset];
    return candidates.some((candidate) => Object.is(candidate + 0, actual + 0))
      ? []
      : [differs(path, recorded, actual)];
  }

  #compareLists(recorded: readonly unknown[], actual: readonly unknown[], path: string, key: string): string[] {
    if (recorded.length !== actual.length) return [differs(path, recorded, actual)];
    const isOutputs = /(?:prompt|queue_(?:running|pending)\[\d+\])\[4\]$/.test(path);
    const isSet = SETS.has(key) || isOutputs;
    const [left, right] = isSet ? [sorted(recorded), sorted(actual)] : [recorded, actual];
    return left.flatMap((value, index) => this.compare(value, right[index], `${path}[${index}]`));
  }

  #compareObjects(recorded: Members, actual: Members, path: string): string[] {
    const translated = Object.entries(recorded).map(([key, value]): [string, unknown] => {
      const own = Object.keys(actual).find((candidate) => UUID.test(candidate) && UUID.test(key));
      if (own !== undefined && !this.#actualOf.has(key) && Object.keys(recorded).length === 1) this.bind(key, own);
      return [this.#actualOf.get(key) ?? key, value];
    });
    const differences = translated.flatMap(([key, value]) => {
      const inner = path === '' ? key : `${path}.${key}`;
      return key in actual ? this.compare(value, actual[key], inner) : [differs(inner, value, undefined)];
    });
    const expected = new Set(translated.map(([key]) => key));
    const extra = Object.keys(actual).filter((key) => !expected.has(key));
    return [
      ...differences,
      ...extra.map((key) => differs(path === '' ? key : `${path}.${key}`, undefined, actual[key])),
    ];
  }
}

type Members = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(values: readonly unknown[]): unknown[] {
  return [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function differs(path: string, recorded: unknown, actual: unknown): string {
  const short = (value: unknown) => {
    const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? 'nothing');
    return text.length > 200 ? `${text.slice(0, 200)}…` : text;
  };
  return `${path || 'value'}: recorded ${short(recorded)}, engine ${short(actual)}`;
}
