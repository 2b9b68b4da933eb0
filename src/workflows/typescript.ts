import type { WorkflowInput } from './types.js';

/** What is written down of one workflow. */
export interface TypedWorkflow {
  readonly name: string;
  readonly description: string | null;
  readonly inputs: readonly WorkflowInput[];
}

/** The type of a text that begins with `data:`, as TypeScript writes it. */
const DATA_URL = ['`data:', '{string}`'].join('$');

/**
 * TypeScript types of workflows, for `EaselClient<EaselWorkflows>`: a name or an input that does not exist is then a compile
 * error, and so is a value of another kind. Ranges and lengths stand in the comments; only the server checks them.
 */
export function workflowTypes(workflows: readonly TypedWorkflow[]): string {
  const lines = [
    '// Written by `easel types`. Run it again when workflows change.',
    '',
    '/** A file: uploaded with `EaselClient.upload`, or a `data:` URL. */',
    `export type FileInput = { readonly media_id: string } | ${DATA_URL};`,
    '',
    'export type EaselWorkflows = {',
    ...[...workflows].sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap(workflowLines),
    '};',
    '',
  ];
  return lines.join('\n');
}

function workflowLines({ name, description, inputs }: TypedWorkflow): string[] {
  return [
    ...comment(description ?? '', '  '),
    `  ${JSON.stringify(name)}: {`,
    '    readonly inputs: {',
    ...[...inputs].sort((a, b) => a.order - b.order).flatMap(inputLines),
    '    };',
    '  };',
  ];
}

function inputLines(input: WorkflowInput): string[] {
  const facts = [input.description ?? '', limitsOf(input), defaultOf(input)].filter((text) => text !== '');
  const mark = input.required ? '' : '?';
  return [
    ...comment(facts.join(' '), '      '),
    `      readonly ${propertyName(input.name)}${mark}: ${typeOf(input)};`,
  ];
}

function typeOf({ type, choices = [] }: WorkflowInput): string {
  switch (type) {
    case 'string':
      return 'string';
    case 'integer':
      // Above 2^53 a number is not exact.
      return 'number | bigint';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'choice':
      return choices.length === 0 ? 'string' : choices.map((choice) => literal(choice)).join(' | ');
    case 'file':
      return 'FileInput';
  }
}

function literal(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? JSON.stringify(value)
    : 'string';
}

function limitsOf({ min, max, minLength, maxLength }: WorkflowInput): string {
  if (min !== undefined && max !== undefined) return `From ${min} to ${max}.`;
  if (min !== undefined) return `At least ${min}.`;
  if (max !== undefined) return `At most ${max}.`;
  if (minLength !== undefined && maxLength !== undefined) return `${minLength} to ${maxLength} characters.`;
  return maxLength === undefined ? '' : `At most ${maxLength} characters.`;
}

function defaultOf(input: WorkflowInput): string {
  const value = input.default;
  if (input.seed === 'random') return 'Drawn when absent.';
  if (value === undefined || value === null || typeof value === 'object') return '';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? '' : `Default: ${text}.`;
}

function comment(text: string, indent: string): string[] {
  // Nothing that a workflow's author wrote may end the comment.
  const lines = text
    .replaceAll('*/', '*\u2060/')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) return [];
  if (lines.length === 1) return [`${indent}/** ${lines[0]} */`];
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`), `${indent} */`];
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}
