import fc from 'fast-check';
import { z } from 'zod';

/** Values made of, and checked against, the JSON schemas of our own OpenAPI document. */
export type Schema = Readonly<Record<string, unknown>>;

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: 'path' | 'query' | 'header';
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

const anyJson = fc.jsonValue({ maxDepth: 2 });

/** Anything that fits the schema. */
export function valuesOf(document: OpenApi, schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  const of = (part: unknown) => valuesOf(document, part as Schema, depth + 1);
  if (typeof schema['$ref'] === 'string') {
    return of(document.components.schemas[schema['$ref'].replace('#/components/schemas/', '')]);
  }
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const forms = (schema['anyOf'] ?? schema['oneOf']) as readonly unknown[] | undefined;
  if (forms !== undefined) return fc.oneof(...forms.map(of));
  const types = [schema['type']].flat();
  if (types.length > 1) return fc.oneof(...types.map((type) => of({ ...schema, type })));
  switch (types[0]) {
    case 'object':
      return objectsOf(schema, of, depth);
    case 'array':
      return fc.array(of(schema['items'] ?? {}), {
        minLength: (schema['minItems'] as number | undefined) ?? 0,
        maxLength: Math.max((schema['minItems'] as number | undefined) ?? 0, depth > 4 ? 0 : 3),
      });
    case 'string':
      return stringsOf(schema);
    case 'integer': {
      const { minimum: min = -1000, maximum: max = 2 ** 40 } = schema as { minimum?: number; maximum?: number };
      return fc.oneof(
        fc.integer({ min, max: Math.min(max, min + 100) }),
        fc.maxSafeInteger().filter((n) => n >= min && n <= max),
      );
    }
    case 'number':
      return fc.integer({ min: 0, max: 100 });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return anyJson;
  }
}

function objectsOf(schema: Schema, of: (part: unknown) => fc.Arbitrary<unknown>, depth: number): fc.Arbitrary<unknown> {
  const {
    properties = {},
    required = [],
    additionalProperties = false,
  } = schema as {
    properties?: Record<string, Schema>;
    required?: string[];
    additionalProperties?: boolean | Schema;
  };
  const fields = fc.record(Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, of(part)])), {
    requiredKeys: required,
  });
  if (additionalProperties === false || depth > 4) return fields;
  const more = additionalProperties === true ? anyJson : of(additionalProperties);
  return fc
    .tuple(fields, fc.dictionary(fc.string({ maxLength: 8 }), more, { maxKeys: 2 }))
    .map(([a, b]) => ({ ...b, ...a }));
}

function stringsOf(schema: Schema): fc.Arbitrary<string> {
  const {
    format,
    pattern,
    minLength = 0,
    maxLength = 40,
  } = schema as {
    format?: string;
    pattern?: string;
    minLength?: number;
    maxLength?: number;
  };
  if (format === 'uuid') return fc.uuid({ version: 7 });
  if (format === 'date-time')
    return fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((at) => at.toISOString());
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { maxLength: 40 });
  const most = Math.max(minLength, Math.min(maxLength, 40));
  return fc.oneof(
    fc.string({ minLength, maxLength: most }),
    fc
      .string({ minLength, maxLength: most, unit: 'grapheme' })
      .filter(({ length }) => length <= maxLength && length >= minLength),
  );
}

/** Says what is wrong with a value, or null when it fits. */
export function checker(document: OpenApi): (schema: Schema, value: unknown) => string | null {
  const $defs = pointToDefs(document.components.schemas);
  const made = new Map<Schema, z.ZodType>();
  return (schema, value) => {
    let check = made.get(schema);
    if (check === undefined) {
      check = z.fromJSONSchema({ ...(pointToDefs(schema) as object), $defs } as never) as z.ZodType;
      made.set(schema, check);
    }
    const result = check.safeParse(value);
    return result.success ? null : JSON.stringify(result.error.issues.slice(0, 3));
  };
}

function pointToDefs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointToDefs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      name === '$ref' ? String(part).replace('#/components/schemas/', '#/$defs/') : pointToDefs(part),
    ]),
  );
}
