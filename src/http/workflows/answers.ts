import { z } from 'zod';
import { errorSchema, generationSchema } from '../generations/schemas.js';

/** How workflows look on the wire; `json.ts` makes it. Names are those of the OpenAPI document (`meta.id`). */
const time = z.iso.datetime();
const anything = z.unknown();
const number = z.union([z.number(), z.bigint()]);

const versionId = z
  .object({
    number: z.int().meta({ description: 'Counts from 1 within the workflow.' }),
    hash: z.string().meta({ description: 'SHA-256 of graph and interface.' }),
  })
  .meta({ id: 'WorkflowVersionId' });

export const workflowSchema = z
  .object({
    name: z.string(),
    title: z.string().nullable(),
    description: z.string().nullable(),
    type: z.string().nullable().meta({ description: 'MAKE, I2I, UPSCALE, ...; what it is for.' }),
    aliases: z.array(z.string()),
    enabled: z.boolean(),
    source: z.string().meta({ description: 'Who added it, or the source that keeps it up to date.' }),
    latest: versionId,
    labels: z.record(z.string(), z.string()).meta({ description: 'Label to version hash.' }),
    created_at: time,
    updated_at: time,
    url: z.string(),
    versions_url: z.string(),
    schema_url: z.string(),
    generations_url: z.string(),
  })
  .meta({ id: 'Workflow' });

const inputSchema = z
  .object({
    name: z.string(),
    type: z.enum(['string', 'integer', 'number', 'boolean', 'choice', 'file']),
    role: z.string(),
    required: z.boolean(),
    default: anything.optional(),
    min: number.optional(),
    max: number.optional(),
    step: z.number().optional(),
    min_length: z.int().optional(),
    max_length: z.int().optional(),
    choices: z.array(anything).optional(),
    multiline: z.boolean().optional(),
    title: z.string().optional(),
    description: z.string().optional(),
    media: z.enum(['image', 'mask', 'video', 'audio', 'file']).optional(),
    takes: z.enum(['upload', 'url']).optional(),
    group: z.string().meta({ description: 'Heading in a form.' }),
    order: z.int().meta({ description: 'Position in a form, from 0.' }),
    source: z.enum(['manifest', 'marker', 'title', 'heuristic']).meta({ description: 'Where it was found.' }),
    targets: z.array(z.object({ node: z.string(), input: z.string() })),
    prompt: anything.optional().meta({ description: 'What the workflow adds to the text.' }),
    seed: z.enum(['random', 'fixed', 'increment']).optional().meta({ description: 'What an absent seed means.' }),
  })
  .meta({ id: 'WorkflowInput' });

const interfaceShape = {
  version: versionId,
  inputs: z.array(inputSchema),
  outputs: z.array(
    z.object({ name: z.string(), node_id: z.string(), media: z.string(), description: z.string().optional() }),
  ),
  requires: z.object({
    models: z.array(z.string()),
    classes: z.array(z.string()),
    packs: z.array(z.string()),
    tags: z.array(z.string()).optional(),
    vram_bytes: z.int().optional(),
  }),
  limits: z.object({
    queue_ms: z.int().optional(),
    run_ms: z.int().optional(),
    max_attempts: z.int().optional(),
  }),
};

export const describedSchema = workflowSchema.extend(interfaceShape).meta({ id: 'DescribedWorkflow' });

export const addedSchema = describedSchema
  .extend({
    is_new: z.boolean().meta({ description: 'False when the workflow had this very content before.' }),
    warnings: z.array(z.object({ code: z.string(), message: z.string(), node_id: z.string() })).optional(),
  })
  .meta({ id: 'AddedWorkflow' });

export const workflowPageSchema = z
  .object({
    data: z.array(workflowSchema),
    next_after: z.string().nullable().meta({ description: '`after` of the next page; null at the end.' }),
  })
  .meta({ id: 'WorkflowPage' });

export const versionSchema = z
  .object({
    workflow: z.string(),
    note: z.string().nullable(),
    created_at: time,
    title: z.string().nullable(),
    description: z.string().nullable(),
    type: z.string().nullable(),
    ...interfaceShape,
    graph: z.record(z.string(), anything),
  })
  .meta({ id: 'WorkflowVersion' });

export const versionListSchema = z.object({
  data: z.array(
    versionId
      .extend({
        labels: z.array(z.string()),
        is_latest: z.boolean(),
        note: z.string().nullable(),
        created_at: time,
      })
      .meta({ id: 'WorkflowVersionSummary' }),
  ),
});

const mention = z.object({ id: z.string(), class_type: z.string(), title: z.string().nullable() });
const valueChanges = z.array(z.object({ field: z.string(), from: anything.optional(), to: anything.optional() }));
const parts = z.object({
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(z.object({ name: z.string(), fields: valueChanges })),
});
const lists = z.object({ added: z.array(z.string()), removed: z.array(z.string()) });

export const diffSchema = z
  .object({
    workflow: z.string(),
    from: versionId,
    to: versionId,
    same: z.boolean(),
    nodes: z.object({
      added: z.array(mention),
      removed: z.array(mention),
      changed: z.array(mention.extend({ inputs: valueChanges })),
    }),
    inputs: parts,
    outputs: parts,
    models: lists,
    classes: lists,
    about: valueChanges,
  })
  .meta({ id: 'WorkflowDiff' });

const nearest = z.array(z.string());
export const availabilitySchema = z.object({
  data: z.array(
    z
      .object({
        backend_id: z.string(),
        ok: z.boolean().nullable().meta({ description: 'Null when the backend could not be asked.' }),
        classes: z.array(z.object({ class_type: z.string(), nodes: z.array(anything), nearest })).optional(),
        models: z
          .array(
            z.object({
              folder: z.string(),
              name: z.string(),
              nearest,
              node_id: z.string().nullable(),
              input: z.string().nullable(),
            }),
          )
          .optional(),
        choices: z.array(z.object({ node_id: z.string(), input: z.string(), value: z.string(), nearest })).optional(),
        packs: z.array(z.string()).optional(),
        unchecked: z.array(z.string()).optional(),
        error: errorSchema.optional(),
      })
      .meta({ id: 'WorkflowAvailability' }),
  ),
});

export const movedLabelSchema = z
  .object({ label: z.string(), from: z.string().nullable(), to: z.string() })
  .meta({ id: 'MovedLabel' });

export const deploymentSchema = z
  .object({
    id: z.uuid(),
    workflow: z.string(),
    version: z.string().nullable(),
    target: z.object({
      kind: z.enum(['any', 'backend', 'comfydeploy']),
      backend_id: z.string().nullish(),
      deployment_id: z.string().optional(),
    }),
    contexts: z.array(z.string()),
    weight: z.int(),
    enabled: z.boolean(),
    source: z.string(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Deployment' });

const values = z.record(z.string(), anything).nullable();

export const generatedSchema = generationSchema
  .extend({
    inputs: values.meta({ description: 'The value of every input, drawn seeds included.' }),
  })
  .meta({ id: 'WorkflowGeneration' });

export const graphSchema = z
  .object({
    generation_id: z.uuid(),
    inputs: values,
    changes: z
      .array(
        z.object({
          node: z.string(),
          input: z.string(),
          from: anything.optional(),
          to: anything,
          why: z.string(),
        }),
      )
      .nullable()
      .meta({ description: 'What binding changed in the graph of the workflow, in its order.' }),
    graph: z.record(z.string(), anything),
  })
  .meta({ id: 'GenerationGraph' });
