import type { ErrorInfo } from '../../core/errors.js';
import { stringifyLossless } from '../../core/json.js';
import type { Generation } from '../../generations/index.js';
import type { Style } from '../terminal/style.js';
import { formatBytes, formatDuration } from '../terminal/words.js';
import { displayPath } from './output-names.js';
import type { SavedOutput } from './save-outputs.js';

/** What a run came to. `--json` prints it. */
export interface RunReport {
  readonly id: string | null;
  readonly status: Generation['status'];
  readonly workflow: string;
  readonly backend: {
    readonly id: string;
    readonly kind: string;
    readonly url: string | null;
    readonly version: string | null;
  };
  /** Of the first sampler. */
  readonly seed: bigint | number | null;
  readonly seeds: readonly SeedReport[];
  readonly outputs: readonly SavedOutput[];
  readonly timings: { readonly queuedMs: number | null; readonly runMs: number | null; readonly totalMs: number };
  readonly attempts: number;
  readonly warnings: readonly string[];
  readonly error?: ErrorInfo;
}

export interface SeedReport {
  /** `3.seed` */
  readonly input: string;
  readonly value: bigint | number;
}

/** Integers to the last digit: a seed that is rounded is another seed. */
export function reportJson(report: RunReport): string {
  const outputs = report.outputs.map((output) => (output.kind === 'text' ? output : { ...output, ordinal: undefined }));
  return `${stringifyLossless({ ...report, outputs }, 2)}\n`;
}

/** Two lines at most: what happened goes to standard error, paths (and texts) to standard output. */
export function reportText(
  report: RunReport,
  {
    style,
    cwd,
    label,
    unicode,
  }: { readonly style: Style; readonly cwd: string; readonly label: string; readonly unicode: boolean },
): { readonly summary: string; readonly results: string } {
  const files = report.outputs.filter((output) => output.kind !== 'text');
  const bytes = files.reduce((sum, file) => sum + ('bytes' in file ? file.bytes : 0), 0);
  const facts = [
    formatDuration(report.timings.totalMs),
    ...(report.seed === null ? [] : [`seed ${report.seed}`]),
    ...(files.length === 0 ? [] : [formatBytes(bytes)]),
    label,
  ];
  const mark = style.green(unicode ? '✓' : 'done');
  const results = report.outputs.map((output) => ('path' in output ? displayPath(output.path, cwd) : output.text));
  return {
    summary: `${mark} ${style.bold(report.workflow)} ${style.dim(facts.join(unicode ? ' · ' : ', '))}\n`,
    results: results.map((line) => `${line}\n`).join(''),
  };
}
