import type { JsonObject } from '../../core/json.js';
import { inputsSchema, type Workflow, type Workflows } from '../../workflows/index.js';
import { generateBody } from '../workflows/schemas.js';
import { Components, type JsonSchema } from './schemas.js';

/** A workflow as the document shows it. */
export interface DescribedWorkflow {
  readonly name: string;
  readonly title: string;
  /** Of what is run when a request names no version. */
  readonly inputs: JsonObject;
}

/** So many stand in the document, the first by name. */
const MOST_WORKFLOWS = 500;
const GENERATE = '/v1/workflows/{name}/generations';

/** What the workflows take, read again only where something has changed. */
export class WorkflowSchemas {
  readonly #workflows: Workflows;
  #known: ReadonlyMap<string, { readonly hash: string; readonly described: DescribedWorkflow }> = new Map();

  constructor(workflows: Workflows) {
    this.#workflows = workflows;
  }

  /** Of all that are enabled, by name. */
  async read(): Promise<readonly DescribedWorkflow[]> {
    const found = await this.#workflows.list({ enabled: true, limit: MOST_WORKFLOWS });
    const known = new Map<string, { readonly hash: string; readonly described: DescribedWorkflow }>();
    for (const workflow of found) {
      // As `Workflows.version` chooses.
      const hash = workflow.labels['production'] ?? workflow.latest.hash;
      const before = this.#known.get(workflow.name);
      const described = before?.hash === hash ? before.described : await this.#describe(workflow, hash);
      if (described !== null) known.set(workflow.name, { hash, described });
    }
    this.#known = known;
    return [...known.values()].map(({ described }) => described);
  }

  /** Null when it was removed meanwhile. */
  async #describe({ name, title }: Workflow, hash: string): Promise<DescribedWorkflow | null> {
    const version = await this.#workflows.version(name, hash).catch(() => null);
    return version === null ? null : { name, title: title ?? name, inputs: inputsSchema(version) };
  }
}

/**
 * The document with a path for each workflow, which takes exactly the inputs of that workflow. A request to it is the same
 * as one to the path with `{name}`; a concrete path comes first.
 */
export function withWorkflows(document: JsonSchema, workflows: readonly DescribedWorkflow[]): JsonSchema {
  const { paths, components } = document as {
    readonly paths: Readonly<Record<string, JsonSchema>>;
    readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
  };
  const general = paths[GENERATE]?.['post'] as JsonSchema | undefined;
  if (general === undefined || workflows.length === 0) return document;
  const body = new Components().add(generateBody, 'input') as { readonly properties: JsonSchema };
  const schemas: Record<string, JsonSchema> = {};
  const concrete: Record<string, JsonSchema> = {};
  for (const { name, title, inputs } of workflows) {
    const word = wordOf(name, schemas);
    const { $schema: _, ...schema } = inputs;
    schemas[word] = schema;
    const isOptional = inputs['required'] === undefined;
    const json = {
      ...body,
      properties: { ...body.properties, inputs: { $ref: `#/components/schemas/${word}` } },
      ...(isOptional ? {} : { required: ['inputs'] }),
    };
    const { parameters = [] } = general as { readonly parameters?: readonly JsonSchema[] };
    concrete[GENERATE.replace('{name}', encodeURIComponent(name))] = {
      post: {
        ...general,
        operationId: `generate_${word.replace(/^Inputs_/, '')}`,
        summary: `Run the workflow ${title}`,
        parameters: parameters.filter((parameter) => parameter['in'] !== 'path'),
        requestBody: { required: !isOptional, content: { 'application/json': { schema: json } } },
      },
    };
  }
  return {
    ...document,
    paths: { ...paths, ...concrete },
    components: { ...components, schemas: { ...components.schemas, ...schemas } },
  };
}

/** A name for components and operations, which have fewer letters than workflows. */
function wordOf(name: string, taken: Readonly<Record<string, unknown>>): string {
  const plain = `Inputs_${name.replace(/[^A-Za-z0-9_.-]/g, '_')}`;
  let word = plain;
  for (let count = 2; word in taken; count++) word = `${plain}_${count}`;
  return word;
}
