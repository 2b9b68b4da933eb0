import type { ProgressData } from '../../generations/index.js';

/** Shows how a run is going. Everything goes to standard error: standard output is for results. */
export interface ProgressView {
  /** What is going on. A log shows it when it is a milestone, or takes long; a terminal shows it anyway. */
  phase(text: string, isMilestone?: boolean): void;
  progress(data: ProgressData): void;
  preview(bytes: Buffer, contentType: string): void;
  /** A line that stays. */
  note(text: string): void;
  /** Removes what does not stay. Nothing is shown afterwards. */
  close(): void;
}

/** With `--json` outside of a terminal, and with `--quiet`. */
export class SilentProgress implements ProgressView {
  phase(): void {}
  progress(): void {}
  preview(): void {}
  note(): void {}
  close(): void {}
}

/** Without control characters a node's name is safe; without a number it is all there is. */
export function stepText({ step, steps }: ProgressData): string {
  if (step === null || steps === null || steps <= 1) return '';
  return `${Math.min(step, steps)}/${steps}`;
}
