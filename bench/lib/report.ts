/** Printing and counting that the benches share. */
export function print(line: string): void {
  process.stdout.write(`\n${line}\n`);
}

export function table(rows: readonly Readonly<Record<string, string | number>>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const width = (column: string) => Math.max(column.length, ...rows.map((row) => String(row[column]).length));
  const line = (cells: (column: string) => string) =>
    columns.map((column) => cells(column).padStart(width(column))).join('  ');
  process.stdout.write(`  ${line((column) => column)}\n`);
  for (const row of rows) process.stdout.write(`  ${line((column) => String(row[column]))}\n`);
}

/** The value below which the share `q` of all lies (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

export function formatMs(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

export function seconds(startedAtMs: number): number {
  return (performance.now() - startedAtMs) / 1000;
}
