import type { Clock, Timer } from '../../core/clock.js';
import type { ProgressData } from '../../generations/index.js';
import type { TextOutput } from '../io.js';
import { drawPicture, erasePicture, type PictureProtocol, readyForTerminal } from '../terminal/pictures.js';
import { columnsOf, fitTo, printable, type Style } from '../terminal/style.js';
import { formatDuration } from '../terminal/words.js';
import { type ProgressView, stepText } from './progress.js';

/**
 * One line on a terminal that is drawn anew in place, and above it, where the terminal can, the newest preview:
 *
 *   (picture)
 *   ⠹ Second pass 12/20       ━━━━━━━━━━━━━━━─────────  62 %  3.4 s
 */
export interface LiveProgressOptions {
  readonly output: TextOutput;
  readonly clock: Clock;
  readonly style: Style;
  /** False draws with ASCII. */
  readonly unicode: boolean;
  readonly pictures: PictureProtocol | null;
}

const FRAME_MS = 100;
const PICTURE_ROWS = 14;
const PICTURE_PIXELS = 512;
const BAR_COLUMNS = 24;
/** Below this the bar goes first, then step and time. */
const NARROW_COLUMNS = 64;
const NARROWER_COLUMNS = 36;
const ESC = '\u001b';
const CLEAR_LINE = `\r${ESC}[K`;

export class LiveProgress implements ProgressView {
  readonly #options: LiveProgressOptions;
  readonly #startedAt: number;
  #phase = '';
  #data: ProgressData | null = null;
  #frame = 0;
  #timer: Timer | null = null;
  #closed = false;
  /** Rows from the top of the picture to the line; 0 without a picture. */
  #rowsAbove = 0;
  /** Printed below the picture, so they go when it goes. */
  readonly #notesBelow: string[] = [];
  #waitingPreview: { readonly bytes: Buffer; readonly contentType: string } | null = null;
  #drawing = false;

  constructor(options: LiveProgressOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#tick();
  }

  phase(text: string): void {
    this.#phase = text;
    this.#data = null;
    this.#draw();
  }

  progress(data: ProgressData): void {
    this.#data = data;
  }

  /** Previews come faster than they can be drawn: only the newest counts. */
  preview(bytes: Buffer, contentType: string): void {
    if (this.#options.pictures === null || this.#closed) return;
    this.#waitingPreview = { bytes, contentType };
    if (!this.#drawing) void this.#drawPreviews();
  }

  note(text: string): void {
    this.#options.output.write(`${CLEAR_LINE}${text}\n`);
    if (this.#rowsAbove > 0) {
      this.#rowsAbove += text.split('\n').length;
      this.#notesBelow.push(text);
    }
    this.#draw();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    const { output, pictures } = this.#options;
    const up = this.#rowsAbove > 0 ? `${ESC}[${this.#rowsAbove}A` : '';
    const erase = pictures === null || this.#rowsAbove === 0 ? '' : erasePicture(pictures);
    output.write(`${erase}\r${up}${ESC}[J${this.#notesBelow.map((note) => `${note}\n`).join('')}`);
  }

  #tick(): void {
    this.#draw();
    this.#frame += 1;
    this.#timer = this.#options.clock.setTimer(() => this.#tick(), FRAME_MS, { unref: true });
  }

  #draw(): void {
    if (this.#closed) return;
    this.#options.output.write(CLEAR_LINE + this.#line());
  }

  #line(): string {
    const { style, unicode, output, clock } = this.#options;
    const columns = Math.max(16, (output.columns ?? 80) - 1);
    const frames = unicode ? '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏' : '|/-\\';
    const spinner = style.cyan(frames[this.#frame % frames.length] ?? ' ');
    const elapsed = formatDuration(clock.now() - this.#startedAt);
    const data = this.#data;
    if (data === null) {
      return `${spinner} ${fitTo(printable(this.#phase), columns - 4 - elapsed.length)}  ${style.dim(elapsed)}`;
    }
    const percent = `${String(Math.floor(data.percent)).padStart(3)} %`;
    const withBar = columns >= NARROW_COLUMNS;
    const withTime = columns >= NARROWER_COLUMNS;
    const step = withTime ? stepText(data) : '';
    const taken = 4 + percent.length + (withBar ? BAR_COLUMNS + 2 : 0) + (withTime ? elapsed.length + 2 : 0);
    const room = Math.min(34, columns - taken);
    const title = fitTo(printable(data.nodeTitle ?? this.#phase), room - (step === '' ? 0 : step.length + 1));
    const name = step === '' ? title : `${title} ${style.dim(step)}`;
    const gap = ' '.repeat(Math.max(0, room - columnsOf(title) - (step === '' ? 0 : step.length + 1)));
    const bar = withBar ? `${this.#bar(data.percent)}  ` : '';
    return `${spinner} ${name}${gap}  ${bar}${percent}${withTime ? `  ${style.dim(elapsed)}` : ''}`;
  }

  #bar(percent: number): string {
    const { style, unicode } = this.#options;
    const done = Math.round((Math.min(100, Math.max(0, percent)) / 100) * BAR_COLUMNS);
    const [full, rest] = unicode ? ['━', '─'] : ['=', '-'];
    return style.cyan(full!.repeat(done)) + style.dim(rest!.repeat(BAR_COLUMNS - done));
  }

  async #drawPreviews(): Promise<void> {
    this.#drawing = true;
    try {
      for (let next = this.#waitingPreview; next !== null; next = this.#waitingPreview) {
        this.#waitingPreview = null;
        const png = await readyForTerminal(next.bytes, next.contentType, PICTURE_PIXELS);
        if (png !== null && !this.#closed) this.#drawPicture(png);
      }
    } finally {
      this.#drawing = false;
    }
  }

  #drawPicture(png: Buffer): void {
    const { output, pictures } = this.#options;
    if (pictures === null) return;
    const rows = Math.min(PICTURE_ROWS, Math.max(4, (output.rows ?? 24) - 4));
    // The first one needs room, which may scroll the screen; from then on its place is fixed.
    const makeRoom = this.#rowsAbove === 0 ? `${CLEAR_LINE}${'\n'.repeat(rows)}` : '\r';
    if (this.#rowsAbove === 0) this.#rowsAbove = rows;
    output.write(
      `${makeRoom}${ESC}7${ESC}[${this.#rowsAbove}A${drawPicture(pictures, png, rows, true)}${ESC}8${CLEAR_LINE}${this.#line()}`,
    );
  }
}
