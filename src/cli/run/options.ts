import type { BackendChoice } from '../configuration.js';
import { type Assignment, parseAssignment, parseDuration, parseSeed, usage } from '../values.js';
import type { BindRequest } from './bind.js';
import { type OutputTarget, readOutputTarget } from './output-names.js';

/** As commander hands them over. */
export interface RunOptions extends BackendChoice {
  readonly prompt?: string;
  readonly negative?: string;
  readonly set?: readonly string[];
  readonly seed?: string;
  readonly image?: readonly string[];
  readonly out?: string;
  readonly force?: boolean;
  readonly timeout?: string;
  /** False for `--no-preview`. */
  readonly preview?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Checked, before anything else is done. */
export interface RunRequest {
  readonly bind: BindRequest;
  readonly images: readonly string[];
  /** Null for standard output. */
  readonly target: OutputTarget | null;
  readonly timeoutMs: number | null;
}

/** Throws `usage_invalid`. */
export function readRunOptions(options: RunOptions, cwd: string): RunRequest {
  const { prompt, negative, seed, json, out } = options;
  const assignments: Assignment[] = (options.set ?? []).map((text) =>
    parseAssignment(text, '--set', '--set node.input=value, for example --set 3.steps=30'),
  );
  if (out === '-' && json === true) {
    throw usage('--out - and --json both want standard output.', 'Give --out a path.');
  }
  return {
    bind: {
      assignments,
      ...(prompt === undefined ? {} : { prompt }),
      ...(negative === undefined ? {} : { negative }),
      ...(seed === undefined ? {} : { seed: parseSeed(seed) }),
    },
    images: options.image ?? [],
    target: out === '-' ? null : readOutputTarget(out, { cwd, force: options.force === true }),
    timeoutMs: options.timeout === undefined ? null : parseDuration(options.timeout, '--timeout'),
  };
}
