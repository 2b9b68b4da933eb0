import { CommanderError } from 'commander';
import { EaselError, toEaselError } from '../core/errors.js';
import { stringifyLossless } from '../core/json.js';
import { printable, type Style } from './terminal/style.js';
import { usage } from './values.js';

/**
 * How a command ends badly: one line that says what, one that says what to do, and the exit code of the catalogue
 * (`docs/errors.md`). A stack trace is only for those who ask for it.
 */
export interface FailureOptions {
  readonly style: Style;
  /** With stack traces. */
  readonly debug: boolean;
}

/** Anything thrown, as an error of the catalogue. Commander's own become `usage_invalid`. */
export function asFailure(thrown: unknown): EaselError {
  if (thrown instanceof CommanderError) return usageFailure(thrown);
  const error = toEaselError(thrown);
  if (error.code !== 'internal') return error;
  const reason = error.message === '' ? '' : `: ${error.message}`;
  return new EaselError('internal', `Something went wrong inside Easel${reason}`, {
    hint: 'Please report it, with what EASEL_DEBUG=1 prints.',
    cause: thrown,
  });
}

/** `error: unknown option '--promt'\n(Did you mean --prompt?)` becomes one sentence each. */
function usageFailure(error: CommanderError): EaselError {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = rest.join(' ').replace(/^\((.*)\)$/, '$1');
  const message = `${first.charAt(0).toUpperCase()}${first.slice(1).replace(/\.$/, '')}.`;
  return usage(suggestion === '' ? message : `${message} ${suggestion}`);
}

/** For standard error. */
export function failureLines(error: EaselError, { style, debug }: FailureOptions): string {
  const [message = '', ...more] = messageLines(error);
  const lines = [`${style.red(`error[${error.code}]:`)} ${message}`, ...more.map((line) => `  ${line}`)];
  if (error.hint !== '') lines.push(style.dim(`  ${printable(error.hint)}`));
  if (debug) lines.push(...stackLines(error).map((line) => style.dim(`  ${line}`)));
  return `${lines.join('\n')}\n`;
}

/** Several wrong settings are told at once, one per line. All else is one line, whatever a backend sent. */
function messageLines(error: EaselError): string[] {
  if (error.code !== 'config_invalid') return [printable(error.message)];
  return error.message.split('\n').map((line) => printable(line).trim());
}

/** For standard output, with `--json`. */
export function failureJson(error: EaselError): string {
  return `${stringifyLossless({ error: error.toInfo() }, 2)}\n`;
}

function stackLines(error: unknown): string[] {
  if (!(error instanceof Error)) return [printable(String(error))];
  const own = (error.stack ?? error.message).split('\n').map((line) => printable(line));
  return error.cause === undefined ? own : [...own, 'caused by:', ...stackLines(error.cause)];
}
