import { stringifyLossless } from '../core/json.js';
import type { CliIo } from './io.js';

/** Answers of commands on standard output. */
export interface Json {
  readonly json?: boolean;
}

/** Returns the exit code of a command that has said what it was asked. */
export function print(io: CliIo, lines: readonly string[]): number {
  io.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

export function printJson(io: CliIo, value: unknown): number {
  io.stdout.write(`${stringifyLossless(value, 2)}\n`);
  return 0;
}

/** Rows as lines, each column as wide as its widest cell. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** To the second, in UTC, as everything here. */
export function timeText(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
