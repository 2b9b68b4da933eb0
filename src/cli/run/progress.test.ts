import { describe, expect, it } from 'vitest';
import type { ProgressData } from '../../generations/index.js';
import { VirtualClock } from '../../testing/index.js';
import { PLAIN } from '../terminal/style.js';
import { LiveProgress } from './live-progress.js';
import { PlainProgress } from './plain-progress.js';

const at = (percent: number, title: string | null, step: number | null = null, steps: number | null = null) =>
  ({
    percent,
    nodeId: title,
    nodeTitle: title,
    step,
    steps,
    nodesDone: 0,
    nodesTotal: 4,
  }) satisfies ProgressData;

class Output {
  text = '';
  readonly isTTY = true;
  constructor(
    readonly columns = 80,
    readonly rows = 30,
  ) {}
  write(chunk: string | Uint8Array): boolean {
    this.text += String(chunk);
    return true;
  }
  /** What the last draw put on the line. */
  get line(): string {
    return this.text.split('\r\u001b[K').at(-1) ?? '';
  }
}

describe('plain progress', () => {
  it('says a line per node that takes its time, and one every five seconds', async () => {
    const clock = new VirtualClock();
    const output = new Output();
    const view = new PlainProgress(output, clock);
    view.phase('Asking');
    view.phase('Running on embedded engine', true);
    view.progress(at(10, 'Load Checkpoint'));
    await clock.advance(1_000);
    view.progress(at(30, 'KSampler', 1, 20));
    view.progress(at(31, 'KSampler', 2, 20));
    await clock.advance(5_000);
    view.progress(at(60, 'KSampler', 12, 20));
    view.note('a warning');
    view.close();
    expect(output.text.split('\n')).toEqual([
      'Running on embedded engine',
      ' 30 %  KSampler 1/20 (1.0 s)',
      ' 60 %  KSampler 12/20 (6.0 s)',
      'a warning',
      '',
    ]);
    expect(clock.pending).toBe(0);
  });

  it('shows that it is alive while a model loads in silence', async () => {
    const clock = new VirtualClock();
    const output = new Output();
    const view = new PlainProgress(output, clock);
    view.phase('Running on http://gpu');
    view.progress(at(0, 'Load Checkpoint'));
    await clock.advance(11_000);
    view.close();
    expect(output.text).toContain('  0 %  Load Checkpoint (10.0 s)');
  });
});

describe('live progress', () => {
  const open = (columns?: number, pictures: 'kitty' | null = null) => {
    const clock = new VirtualClock();
    const output = new Output(columns);
    return { clock, output, view: new LiveProgress({ output, clock, style: PLAIN, unicode: true, pictures }) };
  };

  it('keeps one line, with bar, step and time', async () => {
    const { clock, output, view } = open();
    view.phase('Running');
    view.progress(at(50, 'KSampler', 10, 20));
    await clock.advance(1_000);
    expect(output.line).toMatch(/^\S KSampler 10\/20 +━{12}─{12} {3}50 % {2}1\.0 s$/);
    expect(output.text).not.toContain('\n');
    view.close();
    expect(output.text.endsWith('\r\u001b[J')).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it.each([20, 40, 63, 80, 200])('fits into %d columns', async (columns) => {
    const { clock, output, view } = open(columns);
    view.progress(at(99.9, 'A node with a title that is far too long for any line of a terminal', 1_000, 1_000));
    await clock.advance(100);
    expect(output.line.length).toBeLessThan(columns);
    view.phase('A phase with a text that is far too long for any line of a terminal, whatever its width');
    expect(output.line.length).toBeLessThan(columns);
    view.close();
  });

  it('keeps notes, also those printed below a picture that goes', async () => {
    const { default: sharp } = await import('sharp');
    const jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#c00' } })
      .jpeg()
      .toBuffer();
    const { output, view } = open(80, 'kitty');
    const drawn = new Promise<void>((resolve) => {
      const write = output.write.bind(output);
      output.write = (chunk) => {
        if (String(chunk).includes('\u001b_G')) resolve();
        return write(chunk);
      };
    });
    view.preview(jpeg, 'image/jpeg');
    await drawn;
    view.note('mind this');
    view.close();
    const [, afterErase = ''] = output.text.split('a=d');
    expect(afterErase).toContain('mind this');
    // The picture, its rows, and the note below it.
    expect(afterErase).toContain('\u001b[15A');
  });
});
