import type { Clock } from '../core/clock.js';

interface LogLine {
  readonly time: string;
  readonly text: string;
}

/** As many lines as a real server keeps for `/internal/logs`. */
const MAX_LINES = 300;

/** The last lines of the engine's own log, which ComfyUI's window shows. */
export class EngineLog {
  readonly #clock: Clock;
  readonly #lines: LogLine[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  add(text: string): void {
    this.#lines.push({ time: new Date(this.#clock.now()).toISOString().replace('Z', ''), text });
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }
}
