import type { JsonObject, JsonValue } from '../core/json.js';
import type { WorkflowInput, WorkflowVersion } from './types.js';

/** The values that a workflow takes, as JSON Schema (2020-12): for forms, clients, OpenAPI and tools. */
export function inputsSchema({
  workflow,
  hash,
  interface: about,
}: Pick<WorkflowVersion, 'workflow' | 'hash' | 'interface'>): JsonObject {
  const { inputs, title, description } = about;
  const required = inputs.filter((input) => input.required).map(({ name }) => name);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: title ?? workflow,
    ...(description === null ? {} : { description }),
    $comment: `Inputs of the workflow ${workflow}, version ${hash.slice(0, 12)}.`,
    type: 'object',
    properties: Object.fromEntries(inputs.map((input) => [input.name, inputSchema(input)])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** `x-easel-*`: what a form may want to know and JSON Schema has no word for. */
function inputSchema(input: WorkflowInput): JsonObject {
  const { title, description, role, group, order, media, multiline, step } = input;
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...valueSchema(input),
    ...defaultOf(input),
    'x-easel-role': role,
    'x-easel-group': group,
    'x-easel-order': order,
    ...(media === undefined ? {} : { 'x-easel-media': media }),
    ...(multiline === true ? { 'x-easel-multiline': true } : {}),
    ...(step === undefined ? {} : { 'x-easel-step': step }),
  };
}

/** Where a value is required nothing stands in for it: what is in the graph is an example then. */
function defaultOf({ default: fallback, required, seed }: WorkflowInput): JsonObject {
  if (fallback === undefined || seed === 'random') return {};
  return required ? { examples: [fallback] } : { default: fallback };
}

function valueSchema(input: WorkflowInput): JsonObject {
  const { type, choices = [], minLength, maxLength } = input;
  switch (type) {
    case 'string':
      return {
        type: 'string',
        ...(minLength === undefined ? {} : { minLength }),
        ...(maxLength === undefined ? {} : { maxLength }),
      };
    case 'integer':
      return integerSchema(input);
    case 'number':
      return { type: 'number', ...limits(input) };
    case 'boolean':
      return { type: 'boolean' };
    case 'choice':
      return { enum: [...choices] };
    case 'file':
      return fileSchema(input);
  }
}

function integerSchema(input: WorkflowInput): JsonObject {
  const digits = {
    type: 'string',
    pattern: '^-?[0-9]{1,30}$',
    description: 'The number as text, for languages that would round it.',
  };
  const forms: JsonValue[] = [{ type: 'integer', ...limits(input) }, digits];
  if (input.role === 'seed') forms.push({ enum: ['random', 'fixed', 'increment'] });
  return { anyOf: forms };
}

function fileSchema({ takes }: WorkflowInput): JsonObject {
  const data = { type: 'string', pattern: '^data:[^;,]+;base64,', description: 'The file itself.' };
  if (takes === 'url') return { anyOf: [{ type: 'string', pattern: '^https?://', description: 'Its address.' }, data] };
  const id = { type: 'string', format: 'uuid', description: 'Id of an uploaded file.' };
  const object = { type: 'object', properties: { media_id: id }, required: ['media_id'], additionalProperties: false };
  return { anyOf: [id, data, object] };
}

function limits({ min, max }: WorkflowInput): JsonObject {
  return { ...(min === undefined ? {} : { minimum: min }), ...(max === undefined ? {} : { maximum: max }) };
}
