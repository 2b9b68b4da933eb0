import type { z } from 'zod';
import { ConfigError } from '../core/errors.js';
import { nearest } from './nearest.js';
import { childrenOf, configJsonSchema, describeType, listSettings, namesOf, type SchemaNode } from './settings.js';

/** Where a value came from. */
export interface Origin {
  readonly source: 'default' | 'file' | 'environment' | 'flag' | 'code';
  /** Name of the file, variable or flag; empty for defaults. */
  readonly name: string;
}

export interface Problem {
  /** The setting, or whatever was written instead of one. */
  readonly path: string;
  readonly origin: Origin;
  /** Never holds the value, which may be a secret. */
  readonly message: string;
  readonly suggestion?: string;
}

/** All problems in one error, each with its origin. */
export function configError(problems: readonly Problem[]): ConfigError {
  const lines = problems.map(({ path, origin, message, suggestion }) => {
    const place = origin.name === '' ? path : `${path} (${origin.name})`;
    return `${place}: ${message}${suggestion === undefined ? '' : ` Did you mean "${suggestion}"?`}`;
  });
  const message =
    lines.length === 1
      ? lines[0]!
      : `${lines.length} settings are wrong:\n${lines.map((line) => `  ${line}`).join('\n')}`;
  return new ConfigError('config_invalid', message, { details: { problems } });
}

export function problemsOf(issues: readonly z.core.$ZodIssue[], originAt: (path: string) => Origin): Problem[] {
  const root = configJsonSchema();
  // A missing name next to a misspelt one is the same slip, told once.
  const problems = issues.flatMap((issue) => problemsOfIssue(issue, root, originAt));
  const suggested = new Set(problems.map(({ suggestion }) => suggestion));
  return problems.filter(({ path, message }) => message !== MISSING || !suggested.has(path));
}

const MISSING = 'is missing.';

function problemsOfIssue(issue: z.core.$ZodIssue, root: SchemaNode, originAt: (path: string) => Origin): Problem[] {
  const path = formatPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownSetting(formatPath([...issue.path, key]), key, issue.path, root, originAt));
  }
  return [
    {
      path: path === '' ? 'configuration' : path,
      origin: originAt(path),
      message: messageOf(issue, schemasAt(root, issue.path)),
    },
  ];
}

function messageOf(issue: z.core.$ZodIssue, schemas: readonly SchemaNode[]): string {
  if (issue.code === 'invalid_type' && /received undefined$/.test(issue.message)) return MISSING;
  if (issue.code === 'invalid_union' && 'options' in issue) {
    return `expected one of ${(issue.options as unknown[]).map((option) => JSON.stringify(option)).join(', ')}.`;
  }
  // A message of the schema's own says it best; zod's own speak of types that people do not write.
  const ownMessage = ['invalid_format', 'custom', 'too_small', 'invalid_type'].includes(issue.code);
  if (ownMessage && !/^(Invalid|Too)/.test(issue.message)) return `${issue.message}.`;
  const expected = [...new Set(schemas.map(describeType))].join(' or ');
  return expected === '' ? issue.message : `expected ${expected}.`;
}

function unknownSetting(
  path: string,
  key: string,
  parents: readonly PropertyKey[],
  root: SchemaNode,
  originAt: (path: string) => Origin,
): Problem {
  const prefix = formatPath(parents);
  const here = [...new Set(schemasAt(root, parents).flatMap(namesOf))].map((name) =>
    prefix === '' ? name : `${prefix}.${name}`,
  );
  const all = listSettings(root).map((setting) => setting.path);
  // The right name in the wrong section is as common as a slip of the finger.
  const elsewhere = all.find((candidate) => candidate.split('.').at(-1) === key);
  const suggestion = nearest(path, here) ?? elsewhere ?? nearest(path, all);
  return { path, origin: originAt(path), message: 'is not a setting.', ...(suggestion === null ? {} : { suggestion }) };
}

function schemasAt(root: SchemaNode, path: readonly PropertyKey[]): SchemaNode[] {
  return path.reduce<SchemaNode[]>(
    (schemas, name) => schemas.flatMap((schema) => childrenOf(schema, typeof name === 'number' ? name : String(name))),
    [root],
  );
}

/** `backends[0].auth.token` */
function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, name) => {
    if (typeof name === 'number') return `${text}[${name}]`;
    return text === '' ? String(name) : `${text}.${String(name)}`;
  }, '');
}
