import { z } from 'zod';
import { comfydeployBackend, comfyuiBackend, embeddedBackend } from './sections/backends.js';
import { dispatchSection } from './sections/dispatch.js';
import { bytes, count, MIB, MINUTE_MS, milliseconds, section } from './sections/fields.js';
import { httpSection } from './sections/http.js';
import { mediaSection, outboundSection } from './sections/media.js';
import { pointsSection } from './sections/points.js';
import { circuitSection, retrySection } from './sections/reliability.js';
import { sessionsSection } from './sections/sessions.js';
import { webhooksSection } from './sections/webhooks.js';
import { workflowsSection } from './sections/workflows.js';

/**
 * Every setting: its type, limits, default and meaning. Messages, `docs/configuration.md`, environment variable names and
 * the masking of secrets are all derived from here (by way of its JSON Schema, `settings.ts`).
 *
 * `secret: true` hides a value wherever settings are shown; `secret: 'url'` hides only credentials and query values.
 */
declare module 'zod' {
  interface GlobalMeta {
    secret?: boolean | 'url';
  }
}

export const configSchema = z.strictObject({
  dataDir: z.string().min(1).default('.easel').meta({
    description:
      'Folder for the database file and stored files. Relative to the working folder, or to the configuration file that names it.',
  }),
  databaseUrl: z
    .string()
    .regex(
      /^(sqlite:|file:|postgres(ql)?:\/\/)/,
      'expected sqlite:/path/easel.db or postgres://user:password@host/name',
    )
    .optional()
    .meta({ description: 'Unless given, the file `easel.db` in `dataDir`.', secret: 'url' }),
  databasePoolSize: count(10, 200, 'Most connections to PostgreSQL.'),
  nodeId: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,63}$/, 'use up to 63 letters, digits, ".", "_" and "-"')
    .optional()
    .meta({ description: 'Tells this process from all others. Unless given, new at each start.' }),
  backends: z
    .array(z.discriminatedUnion('kind', [comfyuiBackend, comfydeployBackend, embeddedBackend]))
    .min(1, 'name at least one backend')
    .default([{ id: 'embedded', kind: 'embedded', concurrency: 1 }])
    .meta({
      description:
        'Where graphs run. An item may be a URL alone (then its id is made of host and port), or the word `embedded` or `comfydeploy`.',
    }),
  limits: section({
    queueMs: milliseconds(60 * MINUTE_MS, 'From submit until a backend has taken the work, all attempts together.'),
    runMs: milliseconds(30 * MINUTE_MS, 'From the moment the backend runs it.'),
    silenceMs: milliseconds(
      5 * MINUTE_MS,
      'A running prompt that says nothing for so long is taken for stuck. Loading a model is silent, so be generous.',
    ),
    goneMs: milliseconds(
      20_000,
      'A backend at whose address nobody listens for so long is taken for dead, and what it ran is tried elsewhere.',
    ),
    collectMs: milliseconds(5 * MINUTE_MS, 'For fetching all outputs of one attempt.'),
    cancelMs: milliseconds(30_000, 'How long a cancel waits for the backend to confirm that it stopped.'),
    maxAttempts: count(3, 100, 'Attempts per piece of work.'),
    maxOutputBytes: bytes(4096 * MIB, 'Largest single output file.'),
  }),
  retry: retrySection,
  circuit: circuitSection,
  dispatch: dispatchSection,
  timing: section({
    leaseMs: milliseconds(15_000, 'A node that says nothing for so long loses its backends to other nodes.', 1000),
    tickMs: milliseconds(1000, 'Longest time until new work is noticed when a notification was lost.', 10),
    maxHealthPauseMs: milliseconds(15_000, 'Longest pause between two looks at a backend that is out of reach.', 10),
  }),
  publicUrl: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL, for example https://easel.example.com' })
    .optional()
    .meta({
      description:
        'The address under which others reach this Easel. With it ComfyDeploy reports by webhook; without it runs are polled.',
      secret: 'url',
    }),
  http: httpSection,
  media: mediaSection,
  outbound: outboundSection,
  points: pointsSection,
  sessions: sessionsSection,
  webhooks: webhooksSection,
  workflows: workflowsSection,
  telemetry: section({
    tracing: z.boolean().default(false).meta({
      description:
        'Make OpenTelemetry spans of requests, attempts and nodes. They go where the SDK sends them that was registered in this process.',
    }),
  }),
  log: section({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .meta({ description: 'Least important messages to write.' }),
    pretty: z
      .boolean()
      .optional()
      .meta({ description: 'Lines for people instead of JSON. Unless given, when they go to a terminal.' }),
  }),
  embedded: section({
    version: z
      .enum(['0.3.64', '0.8.0'])
      .default('0.8.0')
      .meta({ description: 'The ComfyUI release that the embedded engine behaves like.' }),
    stepMs: milliseconds(40, 'Time that one rehearsed sampler step takes.', 0),
    loadMs: milliseconds(150, 'Time that one rehearsed model load takes.', 0),
    previewSize: z
      .int()
      .min(0)
      .max(2048)
      .default(256)
      .meta({ description: 'Largest side of preview pictures, in pixels; 0 sends none.' }),
    models: z
      .union([z.literal('any'), z.record(z.string().min(1), z.array(z.string().min(1)))])
      .default('any')
      .meta({ description: 'File names that its model loaders offer, by folder. `any` accepts every name.' }),
    standInImages: z
      .boolean()
      .default(true)
      .meta({ description: 'Draw a stand-in for an input picture that does not exist, instead of refusing it.' }),
  }),
});

type Parsed = z.output<typeof configSchema>;
type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** Complete and checked. Paths are absolute. Frozen. */
export type Config = DeepReadonly<Omit<Parsed, 'databaseUrl' | 'nodeId'> & { databaseUrl: string; nodeId: string }>;
export type BackendConfig = Config['backends'][number];

type Input = z.input<typeof configSchema>;
/** What a configuration file may hold. */
export type ConfigInput = DeepReadonly<
  Omit<Input, 'backends'> & { backends?: (string | NonNullable<Input['backends']>[number])[] | undefined }
>;
