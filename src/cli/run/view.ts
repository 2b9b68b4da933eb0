import type { GlobalOptions } from '../configuration.js';
import type { CliIo, Environment } from '../io.js';
import { pictureProtocol } from '../terminal/pictures.js';
import { styleFor } from '../terminal/style.js';
import { LiveProgress } from './live-progress.js';
import type { RunOptions } from './options.js';
import { PlainProgress } from './plain-progress.js';
import { type ProgressView, SilentProgress } from './progress.js';

/** Live on a terminal, plain lines in a log; with `--json` a log stays empty. */
export function chooseView(io: CliIo, options: RunOptions, globals: GlobalOptions): ProgressView {
  const { stderr, environment, clock } = io;
  const isTerminal = stderr.isTTY === true && environment['TERM'] !== 'dumb';
  if (options.quiet === true || (options.json === true && !isTerminal)) return new SilentProgress();
  if (!isTerminal) return new PlainProgress(stderr, clock);
  return new LiveProgress({
    output: stderr,
    clock,
    style: styleFor(stderr, environment, globals.color),
    unicode: hasUnicode(environment),
    pictures: options.preview === false ? null : pictureProtocol(stderr, environment),
  });
}

/** The Linux console and old code pages lack the signs. */
export function hasUnicode(environment: Environment): boolean {
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  if (environment['TERM'] === 'linux') return false;
  return locale === '' || locale === 'C' || locale === 'POSIX' || /utf-?8/i.test(locale);
}
