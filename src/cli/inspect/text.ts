import type { JsonValue } from '../../core/json.js';
import { columnsOf, fitTo, printable, type Style } from '../terminal/style.js';
import { plural } from '../terminal/words.js';
import type { InspectedInput, InspectReport } from './report.js';

/** The report for people: sections with aligned columns, no wider than the terminal. */
export function inspectText(
  report: InspectReport,
  { style, columns, backendLabel }: { readonly style: Style; readonly columns: number; readonly backendLabel: string },
): string {
  const { nodes, format } = report;
  const kinds = Object.keys(nodes.classes).length;
  const formatName = format === 'ui' ? 'UI format' : 'API format';
  const lines = [
    `${style.bold(printable(report.file))}  ${style.dim(`${formatName}, ${plural(nodes.count, 'node')} of ${plural(kinds, 'class', 'classes')}`)}`,
  ];
  const section = (title: string, rows: readonly (readonly string[])[], otherwise: string) => {
    lines.push('', style.bold(title));
    if (rows.length === 0) lines.push(style.dim(`  ${otherwise}`));
    else lines.push(...table(rows, columns, style));
  };
  section('Inputs', report.inputs.map(inputRow), 'none found');
  section(
    'Models',
    report.models.map(({ folder, name, nodeId, input }) => [`${folder}/${name}`, `${nodeId}.${input}`]),
    'none',
  );
  section(
    'Outputs',
    report.outputs.map(({ nodeId, classType, title }) => [
      nodeId,
      classType,
      title === null || title === classType ? '' : title,
    ]),
    'none: add a node that saves something',
  );
  section(
    'Nodes',
    Object.entries(nodes.classes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => [name, count === 1 ? '' : `x ${count}`]),
    'none',
  );
  const missing = missingRows(report);
  if (missing.length === 0) lines.push('', `${style.green('Nothing is missing')} on ${backendLabel}.`);
  else lines.push('', style.red(`Missing on ${backendLabel}`), ...table(missing, columns, style));
  for (const warning of report.warnings) lines.push('', `${style.yellow('warning:')} ${printable(warning)}`);
  return `${lines.join('\n')}\n`;
}

function inputRow(input: InspectedInput): string[] {
  const also = input.addresses.length > 1 ? ` (+${input.addresses.length - 1})` : '';
  return [input.name, `${input.address}${also}`, kindOf(input), formatValue(input.default), limitsOf(input)];
}

function kindOf({ type, mediaKind }: InspectedInput): string {
  if (type === 'file') return mediaKind ?? 'file';
  return type === 'string' ? 'text' : type;
}

function limitsOf({ min, max, step, choices, type }: InspectedInput): string {
  if (type === 'file') return '--image';
  // A list that is empty is no list: the built-in engine takes any name for a model.
  if (choices !== undefined) return choices.length === 0 ? 'any name' : plural(choices.length, 'choice');
  const range =
    min === undefined && max === undefined
      ? ''
      : max === undefined
        ? `at least ${min}`
        : min === undefined
          ? `at most ${max}`
          : `${min} to ${max}`;
  return step === undefined || step === 1 || range === '' ? range : `${range}, step ${step}`;
}

function formatValue(value: JsonValue | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return `"${value}"`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function missingRows({ missing }: InspectReport): string[][] {
  const near = (names: readonly string[]) => (names.length === 0 ? '' : `it has ${names.join(', ')}`);
  return [
    ...missing.classes.map(({ classType, nodes, nearest }) => [
      'node class',
      classType,
      `node ${nodes.map(({ id }) => id).join(', ')}`,
      near(nearest),
    ]),
    ...missing.models.map(({ folder, value, nodeId, input, nearest }) => [
      'model',
      `${folder}/${value}`,
      `${nodeId}.${input}`,
      near(nearest),
    ]),
    ...missing.inputs.map(({ nodeId, input, classType }) => ['input', `${nodeId}.${input}`, classType, '']),
  ];
}

const WIDEST_COLUMN = 48;
const GAP = '  ';

/** Columns as wide as their content, up to a limit; what does not fit on the line is cut at its end. */
export function table(rows: readonly (readonly string[])[], columns: number, style: Style): string[] {
  const cells = rows.map((row) => row.map((cell) => fitTo(printable(cell), WIDEST_COLUMN)));
  const widths = cells.reduce<number[]>(
    (widest, row) => row.map((cell, index) => Math.max(widest[index] ?? 0, columnsOf(cell))),
    [],
  );
  return cells.map((row) => {
    const padded = row.map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - columnsOf(cell)));
    const line = fitTo(`${GAP}${padded.join(GAP)}`.trimEnd(), columns);
    const firstWidth = GAP.length + (widths[0] ?? 0);
    return line.slice(0, firstWidth) + style.dim(line.slice(firstWidth));
  });
}
