import { z } from 'zod';
import { SCOPES } from '../../access/index.js';
import type { RouteBody, RouteFacts } from '../route.js';
import { Components, type JsonSchema } from './schemas.js';

/** One route as the server has it. */
export interface DocumentedRoute {
  readonly method: string;
  /** With `:id` for parameters. */
  readonly url: string;
  readonly facts: RouteFacts;
}

export interface DocumentOptions {
  readonly version: string;
  readonly routes: readonly DocumentedRoute[];
}

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'Stable; `GET /v1/errors/{code}` explains it.' }),
    hint: z.string().meta({ description: 'The way out.' }),
    retryable: z.boolean(),
    request_id: z.string(),
    errors: z
      .array(
        z.object({
          detail: z.string(),
          pointer: z.string().optional().meta({ description: 'Where in the body, as a JSON pointer.' }),
          parameter: z.string().optional(),
          header: z.string().optional(),
          input: z.string().optional().meta({ description: 'Of a workflow.' }),
          allowed: z.unknown().optional().meta({ description: 'What would do: limits, or choices.' }),
          nearest: z.array(z.string()).optional().meta({ description: 'What looks like it.' }),
          plan: z.unknown().optional().meta({ description: 'The limit of the plan, where that is the reason.' }),
        }),
      )
      .optional(),
    details: z.unknown().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457.' });

const PROBLEM = {
  description: 'It did not work, and why.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

/** Parameters in paths, by name. */
const PATH_PARAMETERS: Readonly<Record<string, JsonSchema>> = {
  id: { type: 'string', format: 'uuid' },
  ordinal: { type: 'integer', minimum: 0 },
};

/** What each group is about. */
const TAGS: Readonly<Record<string, string>> = {
  Backends: 'Where graphs run.',
  Deployments: 'Workflows bound to backends, and how one is chosen.',
  Errors: 'What each code means.',
  Events: 'What happens to all generations of an account.',
  Generations: 'Requests of an account: inputs in, outputs out.',
  Health: 'For supervisors and monitoring.',
  Keys: 'Who may use this API, and for what.',
  Media: 'Stored files.',
  Points: 'What an account has, and what things cost.',
  Reference: 'This API, described.',
  Sessions: "Users' short-lived state on some platform.",
  Webhooks: 'Being told about generations.',
  Workflows: 'Named templates with typed inputs.',
};

/** The OpenAPI 3.1 document of the API, made of what the routes say of themselves. */
export function openApiDocument({ version, routes }: DocumentOptions): JsonSchema {
  const components = new Components();
  components.add(problemSchema, 'output');
  const paths: Record<string, JsonSchema> = {};
  for (const route of [...routes].sort((a, b) => (a.url < b.url ? -1 : a.url > b.url ? 1 : 0))) {
    const path = route.url.replace(/:([a-z]+)/gi, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, components) };
  }
  const tags = [...new Set(routes.map(({ facts }) => facts.tag))].sort();
  return {
    openapi: '3.1.0',
    info: {
      title: 'Easel',
      version,
      description:
        'Runs ComfyUI workflows as typed endpoints: submit, follow, fetch, cancel. Errors are problem+json with a stable code.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server.' }],
    security: [{ key: [] }],
    tags: tags.map((name) => ({ name, description: TAGS[name] ?? name })),
    paths,
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: `A key of \`easel keys create\`. Scopes: ${Object.keys(SCOPES).join(', ')}.`,
        },
      },
      schemas: sorted(components.schemas),
    },
  };
}

function operation({ method, url, facts }: DocumentedRoute, components: Components): JsonSchema {
  const scopes = [facts.scope].flat();
  const isOpen = facts.scope === 'public' || facts.scope === 'optional';
  const needs = isOpen ? '' : `Needs the scope ${scopes.map((scope) => `\`${scope}\``).join(' and ')}.`;
  const parameters = [...pathParameters(url), ...queryParameters(facts, components), ...headerParameters(facts)];
  return {
    operationId: facts.operationId,
    tags: [facts.tag],
    summary: facts.summary,
    description: [facts.description, needs].filter((text) => text !== undefined && text !== '').join(' '),
    ...(isOpen ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(facts.body === undefined || method === 'GET' ? {} : { requestBody: requestBody(facts.body, components) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(facts.answers).map(([status, answer]) => {
          const type = answer.type ?? (answer.schema === undefined ? null : 'application/json');
          const schema = answer.schema === undefined ? {} : components.add(answer.schema, 'output');
          const content = type === null ? {} : { content: { [type]: { schema } } };
          return [status, { description: answer.description, ...content }];
        }),
      ),
      '4XX': PROBLEM,
      '5XX': PROBLEM,
    },
  };
}

function pathParameters(url: string): JsonSchema[] {
  return [...url.matchAll(/:([a-z]+)/gi)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: PATH_PARAMETERS[name] ?? { type: 'string' },
  }));
}

function queryParameters({ query }: RouteFacts, components: Components): JsonSchema[] {
  if (query === undefined) return [];
  const schema = components.add(query, 'input') as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = property;
    return {
      name,
      in: 'query',
      required: schema.required?.includes(name) ?? false,
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function headerParameters({ headers = {} }: RouteFacts): JsonSchema[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
}

function requestBody(
  { type = 'application/json', schema, isOptional = false, description }: RouteBody,
  components: Components,
) {
  return {
    required: !isOptional,
    ...(description === undefined ? {} : { description }),
    content: { [type]: { schema: schema === undefined ? {} : components.add(schema, 'input') } },
  };
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
