import { z } from 'zod';

/**
 * What a ComfyUI server says over HTTP (comfyui.md 8.0), read leniently: unknown keys stay, what is optional on any known
 * version is optional here, ids become strings. Only what Easel could not go on without is required.
 */

const id = z.union([z.string(), z.number()]).transform(String);
/** Any value as text; empty when it is null or not there at all (`catch` also covers a missing key). */
const text = z
  .unknown()
  .transform((value) => (typeof value === 'string' ? value : value == null ? '' : JSON.stringify(value)))
  .catch('');
/** An array, or an empty one in place of anything else. */
const lenientArray = <T extends z.ZodType>(item: T) => z.array(item).catch([]);
const finiteOrNull = z.number().nullable().catch(null);

export const inputErrorSchema = z.looseObject({
  type: text,
  message: text,
  details: text,
  extra_info: z.record(z.string(), z.unknown()).catch({}),
});
export type InputError = z.infer<typeof inputErrorSchema>;

/** An entry that makes no sense still says that its node is at fault: it must not get lost. */
const nodeErrorSchema = z
  .looseObject({
    errors: lenientArray(inputErrorSchema),
    dependent_outputs: lenientArray(id),
    class_type: text,
  })
  .catch({ errors: [], dependent_outputs: [], class_type: '' });

/** Old and third-party servers write `[]` for "none" (comfyui.md 1.3). */
export const nodeErrorsSchema = z
  .union([
    z.record(z.string(), nodeErrorSchema),
    z.array(nodeErrorSchema).transform((list) => Object.fromEntries(list.map((error, index) => [`${index}`, error]))),
  ])
  .catch({});
export type NodeErrors = z.infer<typeof nodeErrorsSchema>;

export const promptAcceptedSchema = z.looseObject({
  prompt_id: id,
  number: finiteOrNull,
  node_errors: nodeErrorsSchema,
});

export const promptRefusedSchema = z.looseObject({
  error: z.union([
    inputErrorSchema,
    z.string().transform((message): InputError => ({ type: '', message, details: '', extra_info: {} })),
  ]),
  node_errors: nodeErrorsSchema,
});

export const execInfoSchema = z.looseObject({ exec_info: z.looseObject({ queue_remaining: z.number() }) });

const queueItemSchema = z
  .tuple([z.number().nullable(), id], z.unknown())
  .transform(([number, promptId, graph, extraData]) => ({
    // `number: 1e400` is stored as Infinity, which reads as null: it runs last.
    number: number ?? Number.POSITIVE_INFINITY,
    promptId,
    graph: isRecord(graph) ? graph : {},
    extraData: isRecord(extraData) ? extraData : {},
  }));
export type QueueItem = z.infer<typeof queueItemSchema>;

export const queueSchema = z.looseObject({
  queue_running: z.array(queueItemSchema),
  queue_pending: z.array(queueItemSchema),
});

const statusSchema = z.looseObject({
  status_str: text,
  completed: z.boolean().nullable().catch(null),
  messages: lenientArray(z.tuple([z.string(), z.unknown()])),
});

const metaSchema = z.looseObject({ display_node: id.nullable().catch(null) });

export const historyEntrySchema = z.looseObject({
  prompt: z.array(z.unknown()).catch([]),
  outputs: z.record(z.string(), z.unknown()).catch({}),
  status: statusSchema.nullable().catch(null),
  meta: z.record(z.string(), metaSchema).catch({}),
});
export type HistoryEntry = z.infer<typeof historyEntrySchema>;

export const historySchema = z.record(z.string(), historyEntrySchema);

export const fileRefSchema = z.looseObject({
  filename: z.string().min(1),
  subfolder: z.string().catch(''),
  type: z.enum(['output', 'temp', 'input']).catch('output'),
});
export type FileRef = z.infer<typeof fileRefSchema>;

export const uploadedSchema = z.looseObject({
  name: z.string().min(1),
  subfolder: z.string().catch(''),
  type: z.enum(['output', 'temp', 'input']).catch('input'),
});

const deviceSchema = z.looseObject({
  name: text,
  type: text,
  vram_total: finiteOrNull,
  vram_free: finiteOrNull,
});

export const systemStatsSchema = z.looseObject({
  system: z.looseObject({ comfyui_version: z.string().nullable().catch(null), os: text }),
  devices: lenientArray(deviceSchema),
});
export type SystemStats = z.infer<typeof systemStatsSchema>;

export const featuresSchema = z.looseObject({
  supports_preview_metadata: z.boolean().catch(false),
  max_upload_size: finiteOrNull,
});
export type Features = z.infer<typeof featuresSchema>;

export const stringListSchema = z.array(z.string());
export const jsonObjectSchema = z.record(z.string(), z.unknown());

const jobSchema = z.looseObject({
  id,
  status: z.string(),
  priority: finiteOrNull,
  create_time: finiteOrNull,
  execution_start_time: finiteOrNull,
  execution_end_time: finiteOrNull,
  outputs_count: finiteOrNull,
  workflow_id: z.string().nullable().catch(null),
});
/** One of 0.8's jobs. Times are milliseconds. `status`: pending, in_progress, completed, failed, later cancelled. */
export type Job = z.infer<typeof jobSchema>;
export const jobDetailsSchema = jobSchema;
export const jobsSchema = z.looseObject({
  jobs: z.array(jobSchema),
  pagination: z.looseObject({ total: finiteOrNull, has_more: z.boolean().catch(false) }).catch({
    total: null,
    has_more: false,
  }),
});
export type Jobs = z.infer<typeof jobsSchema>;

/** A class that /object_info describes; enough of it that reading code need not look before each step. */
export const nodeDefinitionSchema = z.looseObject({
  name: z.string().optional(),
  input: z.looseObject({
    required: jsonObjectSchema.optional(),
    optional: jsonObjectSchema.optional(),
    hidden: jsonObjectSchema.optional(),
  }),
  output: z.array(z.unknown()).catch([]),
});

export const userFileListSchema = z.array(z.unknown());

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
