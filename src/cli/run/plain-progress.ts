import type { Clock, Timer } from '../../core/clock.js';
import type { ProgressData } from '../../generations/index.js';
import type { TextOutput } from '../io.js';
import { printable } from '../terminal/style.js';
import { formatDuration } from '../terminal/words.js';
import { type ProgressView, stepText } from './progress.js';

/** A log must tell that something happens, and stay short: a line per node that takes its time, then one every so often. */
const QUIET_MS = 5_000;

/** Progress for logs and pipes: plain lines. */
export class PlainProgress implements ProgressView {
  readonly #output: TextOutput;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #data: ProgressData | null = null;
  #phase = '';
  #announced: string | null = null;
  #lastLineAt: number;
  #timer: Timer | null = null;

  constructor(output: TextOutput, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#lastLineAt = this.#startedAt;
    this.#schedule();
  }

  phase(text: string, isMilestone = false): void {
    this.#data = null;
    this.#announced = null;
    this.#phase = text;
    if (isMilestone) this.#line(text);
  }

  progress(data: ProgressData): void {
    this.#data = data;
    const now = this.#clock.now();
    const isNews = data.nodeId !== this.#announced && stepText(data) !== '';
    if (isNews || now - this.#lastLineAt >= QUIET_MS) this.#status();
  }

  preview(): void {}

  note(text: string): void {
    this.#line(text);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #status(): void {
    const data = this.#data;
    const elapsed = formatDuration(this.#clock.now() - this.#startedAt);
    if (data === null || data.nodeTitle === null) {
      this.#line(`${this.#phase} (${elapsed})`);
      return;
    }
    this.#announced = data.nodeId;
    const title = [printable(data.nodeTitle), stepText(data)].filter((part) => part !== '').join(' ');
    this.#line(`${String(Math.floor(data.percent)).padStart(3)} %  ${title} (${elapsed})`);
  }

  #line(text: string): void {
    this.#lastLineAt = this.#clock.now();
    this.#output.write(`${text}\n`);
  }

  /** Also when nothing is heard: loading a model is silent for minutes. */
  #schedule(): void {
    this.#timer = this.#clock.setTimer(
      () => {
        if (this.#clock.now() - this.#lastLineAt >= QUIET_MS) this.#status();
        this.#schedule();
      },
      QUIET_MS,
      { unref: true },
    );
  }
}
