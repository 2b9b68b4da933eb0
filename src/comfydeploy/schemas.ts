import { z } from 'zod';

/**
 * What ComfyDeploy says (comfydeploy.md 2 to 7), read leniently: unknown fields stay, an unknown status is kept as it is,
 * and only what Easel could not go on without is required. The legacy API says less; what it leaves out is null here.
 */
const text = z.string().nullable().catch(null);
const finite = z.number().nullable().catch(null);
/** ISO 8601, UTC with or without fraction; milliseconds since 1970. */
const time = z
  .string()
  .transform((value) => {
    const ms = Date.parse(value);
    return Number.isNaN(ms) ? null : ms;
  })
  .nullable()
  .catch(null);
const record = z.record(z.string(), z.unknown()).nullable().catch(null);

/** Ids go into paths: whatever could lead elsewhere is no id. */
const runIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/);

export const queuedSchema = z.looseObject({ run_id: runIdSchema });

const outputSchema = z.looseObject({
  output_id: text,
  node_id: text,
  node_meta: z.looseObject({ node_id: text, node_class: text }).nullable().catch(null),
  data: record,
});
export type RunOutputEntry = z.infer<typeof outputSchema>;

/** `GET /run/{id}`. Statuses: comfydeploy.md 3.2; an unknown one counts as not ended. */
export const runSchema = z.looseObject({
  id: runIdSchema,
  status: z.string().catch('unknown'),
  workflow_inputs: record,
  webhook: text,
  live_status: text,
  progress: finite,
  queue_position: finite,
  created_at: time,
  queued_at: time,
  started_at: time,
  ended_at: time,
  run_duration: finite,
  machine_type: text,
  outputs: z
    .array(z.unknown())
    .catch([])
    .transform((entries) =>
      entries.flatMap((entry) => {
        const parsed = outputSchema.safeParse(entry);
        return parsed.success ? [parsed.data] : [];
      }),
    ),
});
export type Run = z.infer<typeof runSchema>;

const runRowSchema = z.looseObject({ id: runIdSchema, created_at: time, workflow_inputs: record, webhook: text });
/** One of a list of runs; lists leave fields out. */
export type RunRow = z.infer<typeof runRowSchema>;
export const runRowsSchema = lenientList(runRowSchema);

export const uploadedSchema = z.looseObject({ file_url: z.url({ protocol: /^https?$/ }) });
export const presignedSchema = z.looseObject({
  upload_url: z.url({ protocol: /^https?$/ }),
  download_url: z.url({ protocol: /^https?$/ }),
});

/** An input node of a deployment (comfydeploy.md 6.1). Seeds and a few others are not listed by the API. */
const inputTypeSchema = z.looseObject({
  input_id: z.string().min(1),
  class_type: text,
  type: text,
  default_value: z.unknown(),
  min_value: finite,
  max_value: finite,
  step: finite,
  display_name: text,
  description: text,
  enum_options: z.array(z.string()).nullable().catch(null),
});
const outputTypeSchema = z.looseObject({ output_id: text, class_type: text });

export const deploymentSchema = z.looseObject({
  id: runIdSchema,
  workflow_id: text,
  workflow_version_id: text,
  environment: text,
  description: text,
  gpu: text,
  updated_at: time,
  workflow: z.looseObject({ id: text, name: text }).nullable().catch(null),
  machine: z.looseObject({ id: text, name: text }).nullable().catch(null),
  input_types: lenientList(inputTypeSchema).catch([]),
  output_types: lenientList(outputTypeSchema).catch([]),
});
export type Deployment = z.infer<typeof deploymentSchema>;
export const deploymentsSchema = lenientList(deploymentSchema);

/** `GET /workflow-version/{id}`. */
export const workflowVersionSchema = z.looseObject({
  id: text,
  version: finite,
  workflow: record,
  workflow_api: record,
});
export type WorkflowVersion = z.infer<typeof workflowVersionSchema>;

/** A webhook (comfydeploy.md 4). The legacy one has no `event_type`. */
export const webhookSchema = z.looseObject({ run_id: runIdSchema, status: text, event_type: text });

/** `{detail: string}`, or for 422 `{detail: [{loc, msg}]}`; legacy `{error}` or `{code, message}`. */
export const problemSchema = z.union([
  z.looseObject({ detail: z.string() }).transform(({ detail }) => detail),
  z
    .looseObject({ detail: z.array(z.looseObject({ loc: z.array(z.unknown()).catch([]), msg: z.string().catch('') })) })
    .transform(({ detail }) => detail.map(({ loc, msg }) => `${loc.map(String).join('.')}: ${msg}`).join('; ')),
  z.looseObject({ error: z.string() }).transform(({ error }) => error),
  z.looseObject({ message: z.string() }).transform(({ message }) => message),
]);

/** Entries that make no sense are left out. */
function lenientList<T extends z.ZodType>(item: T) {
  return z.array(z.unknown()).transform((entries) =>
    entries.flatMap((entry): z.infer<T>[] => {
      const parsed = item.safeParse(entry);
      return parsed.success ? [parsed.data] : [];
    }),
  );
}
