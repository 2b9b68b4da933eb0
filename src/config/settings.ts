import { z } from 'zod';
import { configSchema } from './schema.js';

/** The part of JSON Schema that the configuration uses, as `z.toJSONSchema` writes it. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly secret?: boolean | 'url';
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** One setting that can be given on its own. A list, such as `backends`, is one setting. */
export interface Setting {
  /** `limits.queueMs` */
  readonly path: string;
  /** `EASEL_LIMITS_QUEUE_MS` */
  readonly variable: string;
  readonly schema: SchemaNode;
}

export function configJsonSchema(): SchemaNode {
  return z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;
}

/** All settings, in the order of the schema. */
export function listSettings(schema: SchemaNode = configJsonSchema(), parents: readonly string[] = []): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const path = [...parents, name];
    if (child.properties) return listSettings(child, path);
    return [{ path: path.join('.'), variable: variableOf(path), schema: child }];
  });
}

function variableOf(path: readonly string[]): string {
  const words = path.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return ['EASEL', ...words].join('_');
}

/** The schemas that may describe what lies at `name` below `schema`: several where the schema has alternatives. */
export function childrenOf(schema: SchemaNode, name: string | number): SchemaNode[] {
  const own: (SchemaNode | boolean | undefined)[] =
    typeof name === 'number' ? [schema.items] : [schema.properties?.[name] ?? schema.additionalProperties];
  const children = own.filter((child) => typeof child === 'object');
  return [...children, ...alternativesOf(schema).flatMap((alternative) => childrenOf(alternative, name))];
}

/** The names that may stand at this place. */
export function namesOf(schema: SchemaNode): string[] {
  return [...new Set([...Object.keys(schema.properties ?? {}), ...alternativesOf(schema).flatMap(namesOf)])];
}

export function alternativesOf(schema: SchemaNode): readonly SchemaNode[] {
  return schema.oneOf ?? schema.anyOf ?? [];
}

/** For people: `whole number from 1 to 100`, `one of "debug", "info"`. */
export function describeType(schema: SchemaNode): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`;
  const alternatives = alternativesOf(schema);
  if (alternatives.length > 0) return [...new Set(alternatives.map(describeType))].join(' or ');
  switch (schema.type) {
    case 'integer':
      return `whole number ${describeRange(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'text';
    case 'array':
      return `list of ${schema.items ? describePlural(schema.items) : 'values'}`;
    default:
      return schema.type ?? 'value';
  }
}

function describePlural(schema: SchemaNode): string {
  return schema.type === 'string' ? 'texts' : 'objects';
}

function describeRange({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: SchemaNode): string {
  return maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
}
