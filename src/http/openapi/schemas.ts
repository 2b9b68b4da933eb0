import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;

/** Schemas that carry a name (`meta.id`) stand once, in `components`; everything else where it is used. */
export class Components {
  readonly schemas: Record<string, JsonSchema> = {};

  /** `input` is what a caller sends, `output` what comes back. */
  add(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const made = z.toJSONSchema(schema, {
      io,
      unrepresentable: 'any',
      target: 'draft-2020-12',
      override: ({ zodSchema, jsonSchema }) => tidy(zodSchema, jsonSchema),
    }) as JsonSchema;
    const { $schema: _, $defs: named = {}, ...root } = made as JsonSchema & { $defs?: Record<string, JsonSchema> };
    for (const [name, definition] of Object.entries(named)) this.schemas[name] = pointToComponents(definition);
    const { id, ...rest } = root;
    const plain = pointToComponents(rest);
    if (typeof id !== 'string') return plain;
    this.schemas[id] = plain;
    return { $ref: `#/components/schemas/${id}` };
  }
}

/** What a schema cannot show of itself, and what says nothing to a reader. */
function tidy(schema: z.core.$ZodTypes, json: z.core.JSONSchema.BaseSchema): void {
  const wire = z.globalRegistry.get(schema)?.['wire'];
  if (wire !== undefined) {
    const { description } = json;
    for (const name of Object.keys(json)) delete json[name];
    Object.assign(json, wire, description === undefined ? {} : { description });
  }
  // Numbers in our JSON are exact, however large.
  if (schema._zod.def.type === 'bigint') json['type'] = 'integer';
  // The format says the same.
  if (json['format'] === 'uuid' || json['format'] === 'date-time') delete json['pattern'];
  // Anything at all, or null.
  if (json['anyOf']?.some((part) => Object.keys(part).length === 0)) delete json['anyOf'];
  if (json['minimum'] === Number.MIN_SAFE_INTEGER) delete json['minimum'];
  if (json['maximum'] === Number.MAX_SAFE_INTEGER) delete json['maximum'];
}

function pointToComponents<T>(value: T): T {
  if (Array.isArray(value)) return value.map(pointToComponents) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, part]): [string, unknown][] => {
    if (name === '$ref' && typeof part === 'string') {
      return [[name, part.replace(/^#\/\$defs\//, '#/components/schemas/')]];
    }
    // zod repeats the name within a named schema; in a document it would be a URI.
    if (name === 'id' && typeof part === 'string') return [];
    return [[name, pointToComponents(part)]];
  });
  return Object.fromEntries(entries) as T;
}
