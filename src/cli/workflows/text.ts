import type { JsonValue } from '../../core/json.js';
import type {
  Availability,
  Deployment,
  VersionDiff,
  VersionSummary,
  Workflow,
  WorkflowInput,
  WorkflowInterface,
  WorkflowVersion,
} from '../../workflows/index.js';
import { table } from '../inspect/text.js';
import { printable, type Style } from '../terminal/style.js';
import { plural } from '../terminal/words.js';

/** What the commands of workflows print for people. */
export interface Page {
  readonly style: Style;
  readonly columns: number;
}

export function versionName({ number, hash }: { readonly number: number; readonly hash: string }): string {
  return `v${number} (${hash.slice(0, 12)})`;
}

export function interfaceLines(about: WorkflowInterface, { style, columns }: Page): string[] {
  const section = (title: string, rows: readonly (readonly string[])[], otherwise: string) => [
    '',
    style.bold(title),
    ...(rows.length === 0 ? [style.dim(`  ${otherwise}`)] : table(rows, columns, style)),
  ];
  const { models, packs } = about.requires;
  return [
    ...section('Inputs', about.inputs.map(inputRow), 'none'),
    ...section(
      'Outputs',
      about.outputs.map(({ name, media, nodeId }) => [name, media, `node ${nodeId}`]),
      'none',
    ),
    ...section(
      'Needs',
      [...models.map((model) => ['model', model]), ...packs.map((pack) => ['pack', pack])],
      'no models, and no nodes but those of ComfyUI',
    ),
  ];
}

function inputRow(input: WorkflowInput): string[] {
  const { name, type, required, source, targets, description = '' } = input;
  const [first] = targets;
  const place = first === undefined ? '' : `${first.node}.${first.input}`;
  const also = targets.length > 1 ? ` (+${targets.length - 1})` : '';
  return [
    name,
    type === 'file' ? (input.media ?? 'file') : type,
    required ? 'required' : defaultOf(input),
    limitsOf(input),
    `${place}${also}`,
    source,
    description,
  ];
}

function defaultOf({ default: value, seed }: WorkflowInput): string {
  if (seed === 'random') return 'random';
  if (seed === 'increment') return 'counts up';
  return value === undefined ? '' : formatted(value);
}

function limitsOf({ min, max, choices }: WorkflowInput): string {
  if (choices !== undefined) return plural(choices.length, 'choice');
  if (min === undefined && max === undefined) return '';
  if (max === undefined) return `at least ${min}`;
  return min === undefined ? `at most ${max}` : `${min} to ${max}`;
}

function formatted(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value as JsonValue);
}

export function workflowRows(workflows: readonly Workflow[], { style, columns }: Page): string[] {
  if (workflows.length === 0) return ['There are no workflows. Add one: easel workflows add FILE'];
  const rows = workflows.map(({ name, type, latest, labels, enabled, title }) => [
    name,
    type ?? '-',
    `v${latest.number}`,
    Object.keys(labels).join(', '),
    enabled ? '' : 'off',
    title ?? '',
  ]);
  return table(rows, columns, style);
}

export function showLines(
  workflow: Workflow,
  version: WorkflowVersion,
  deployments: readonly Deployment[],
  page: Page,
): string[] {
  const { style, columns } = page;
  const about = version.interface;
  const facts = [about.type, ...workflow.aliases.map((alias) => `also ${alias}`), workflow.enabled ? null : 'off'];
  const head = `${style.bold(printable(workflow.name))}  ${style.dim([versionName(version), ...facts].filter((fact) => fact !== null).join(', '))}`;
  const rows = deployments.map(({ target, contexts, weight, enabled, version: bound }) => [
    target.kind === 'any'
      ? 'any backend'
      : target.kind === 'backend'
        ? target.backendId
        : `ComfyDeploy ${target.deploymentId}`,
    contexts.join(', '),
    `weight ${weight}`,
    bound === null ? '' : bound.length === 64 ? bound.slice(0, 12) : bound,
    enabled ? '' : 'off',
  ]);
  return [
    head,
    ...(about.title === null ? [] : [printable(about.title)]),
    ...(about.description === null ? [] : ['', printable(about.description)]),
    ...interfaceLines(about, page),
    ...(rows.length === 0 ? [] : ['', style.bold('Deployments'), ...table(rows, columns, style)]),
  ];
}

export function versionRows(versions: readonly VersionSummary[], { style, columns }: Page): string[] {
  const rows = versions.map(({ number, hash, labels, isLatest, note, createdAt }) => [
    `v${number}`,
    hash.slice(0, 12),
    new Date(createdAt).toISOString().slice(0, 19).replace('T', ' '),
    [...labels, ...(isLatest ? ['latest'] : [])].join(', '),
    note ?? '',
  ]);
  return table(rows, columns, style);
}

export function diffLines(diff: VersionDiff, { style, columns }: Page): string[] {
  if (diff.same) return ['The two versions are the same.'];
  const rows: string[][] = [];
  const change = ({ from, to }: { readonly from?: unknown; readonly to?: unknown }) =>
    `${from === undefined ? 'nothing' : formatted(from)} -> ${to === undefined ? 'nothing' : formatted(to)}`;
  const node = ({ id, classType, title }: VersionDiff['nodes']['added'][number]) => `${id} ${title ?? classType}`;
  for (const added of diff.nodes.added) rows.push(['+', 'node', node(added)]);
  for (const removed of diff.nodes.removed) rows.push(['-', 'node', node(removed)]);
  for (const changed of diff.nodes.changed) {
    for (const value of changed.inputs) rows.push(['~', 'node', `${node(changed)}: ${value.field}`, change(value)]);
  }
  for (const [what, parts] of [
    ['input', diff.inputs],
    ['output', diff.outputs],
  ] as const) {
    for (const name of parts.added) rows.push(['+', what, name]);
    for (const name of parts.removed) rows.push(['-', what, name]);
    for (const { name, fields } of parts.changed) {
      for (const value of fields) rows.push(['~', what, `${name}: ${value.field}`, change(value)]);
    }
  }
  for (const name of diff.models.added) rows.push(['+', 'model', name]);
  for (const name of diff.models.removed) rows.push(['-', 'model', name]);
  for (const value of diff.about) rows.push(['~', 'about', value.field, change(value)]);
  return [
    style.bold(`${printable(diff.workflow)}: ${versionName(diff.from)} to ${versionName(diff.to)}`),
    ...table(rows, columns, style),
  ];
}

export function availabilityLines(label: string, found: Availability, { style, columns }: Page): string[] {
  if (found.ok) return [`${style.green('Nothing is missing')} on ${label}.`];
  const near = (names: readonly string[]) => (names.length === 0 ? '' : `it has ${names.join(', ')}`);
  const rows = [
    ...found.classes.map(({ classType, nodes, nearest }) => [
      'node class',
      classType,
      nodes.length === 0 ? 'by the manifest' : `node ${nodes.map(({ id }) => id).join(', ')}`,
      near(nearest),
    ]),
    ...found.models.map(({ folder, name, nodeId, input, nearest }) => [
      'model',
      `${folder}/${name}`,
      nodeId === null ? 'by the manifest' : `${nodeId}.${input}`,
      near(nearest),
    ]),
    ...found.choices.map(({ nodeId, input, value, nearest }) => ['choice', value, `${nodeId}.${input}`, near(nearest)]),
    ...found.packs.map((pack) => ['pack', pack, 'to be installed', '']),
  ];
  return [style.red(`Missing on ${label}`), ...table(rows, columns, style)];
}
