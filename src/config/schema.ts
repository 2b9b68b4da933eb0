import { z } from 'zod';

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

const MINUTE_MS = 60_000;
const MIB = 1024 ** 2;

const milliseconds = (defaultMs: number, description: string, leastMs = 1) =>
  z.int().min(leastMs).max(2_147_483_647).default(defaultMs).meta({ description });

const count = (defaultCount: number, most: number, description: string) =>
  z.int().min(1).max(most).default(defaultCount).meta({ description });

const bytes = (defaultBytes: number, description: string) => z.int().min(1).default(defaultBytes).meta({ description });

/** Every section is optional, and its defaults are filled in also when it is absent. */
const section = <T extends z.core.$ZodShape>(shape: T) => z.strictObject(shape).prefault({} as never);

const secretText = (description: string) => z.string().min(1).meta({ description, secret: true });

const pem = (description: string) => z.string().min(1).optional().meta({ description });

const backendId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'use up to 63 letters, digits, ".", "_" and "-"')
  .meta({
    description:
      'Name of the backend in logs, in the database and in requests that ask for it. Keep it: open work is found by it.',
  });

const concurrency = count(
  1,
  64,
  'Prompts of ours that it may have at a time. ComfyUI runs one; a second would only wait in its queue.',
);

const comfyuiBackend = z.strictObject({
  id: backendId,
  kind: z.literal('comfyui').meta({ description: 'A ComfyUI server.' }),
  url: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL, for example http://127.0.0.1:8188' })
    .meta({ description: 'Its address, with a base path when a proxy adds one.', secret: 'url' }),
  headers: z
    .record(z.string().min(1), z.string())
    .optional()
    .meta({ description: 'Sent with every request, for a proxy in front of it.', secret: true }),
  auth: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('bearer'), token: secretText('Sent as `Authorization: Bearer`.') }),
      z.strictObject({
        type: z.literal('basic'),
        username: z.string().min(1).meta({ description: 'For basic authentication.' }),
        password: secretText('For basic authentication.'),
      }),
    ])
    .optional()
    .meta({ description: 'Credentials for the proxy in front of it; ComfyUI itself has none.' }),
  tls: z
    .strictObject({
      ca: pem('Certificate to trust in addition: PEM, or the path of a PEM file.'),
      cert: pem('Client certificate: PEM, or the path of a PEM file.'),
      key: pem('Key of the client certificate: PEM, or the path of a PEM file.').meta({ secret: true }),
      servername: z.string().min(1).optional().meta({ description: 'Name to expect in its certificate.' }),
      rejectUnauthorized: z
        .boolean()
        .optional()
        .meta({ description: 'False accepts any certificate. Only for a network you trust.' }),
    })
    .optional()
    .meta({ description: 'For https.' }),
  concurrency,
});

const embeddedBackend = z.strictObject({
  id: backendId,
  kind: z
    .literal('embedded')
    .meta({ description: 'The engine inside Easel, which rehearses models instead of running them.' }),
  concurrency,
});

const points = z.number().min(0).max(1_000_000_000);
const name = z.string().min(1).max(100);
const factor = z.number().min(0).max(1000);

const perks = z
  .strictObject({
    watermark: z.boolean().optional(),
    maxMegapixels: z.number().min(0).optional(),
    maxBatch: z.int().min(1).optional(),
    maxSteps: z.int().min(1).optional(),
  })
  .optional();

const pointsSection = section({
  enabled: z
    .boolean()
    .default(false)
    .meta({ description: 'Charge generations by `prices`. Off, everything is free. See docs/points.md.' }),
  defaultPlan: name.default('free').meta({ description: 'Plan of accounts that were never given one.' }),
  plans: z
    .record(name, z.strictObject({ allowance: points, allowancePerDay: points, perks }))
    .default({ free: { allowance: 0, allowancePerDay: 0 } })
    .meta({
      description:
        'By name: `allowance` (free points, at most), `allowancePerDay` (how many come back in 24 hours) and `perks` (`watermark`, `maxMegapixels`, `maxBatch`, `maxSteps`).',
    }),
  tiers: z
    .array(z.strictObject({ name, experience: points, multiplier: factor.optional(), perks }))
    .default([])
    .meta({
      description:
        'From so much `experience` (points ever spent): a factor for prices, and perks over those of the plan.',
    }),
  contexts: z
    .record(name, z.array(z.enum(['allowance', 'credit'])))
    .default({ interactive: ['allowance', 'credit'], api: ['credit'], cook: ['credit'] })
    .meta({ description: 'Which points each context may spend, in order. A context that is not named spends credit.' }),
  prices: z
    .array(
      z.strictObject({
        workflow: name,
        flat: points.optional(),
        perSecond: z.union([points, z.record(name, points)]).optional(),
        perOutput: points.optional(),
        perMegapixel: points.optional(),
        minimum: points.optional(),
        contexts: z.record(name, factor).optional(),
        coldStartSeconds: z.number().min(0).max(86_400).optional(),
      }),
    )
    .default([])
    .meta({
      description:
        'One rule per `workflow` (or `*` for all others), in points: `flat`, `perSecond` (a rate, or rates by class of backend), `perOutput`, `perMegapixel`, `minimum`, factors by `contexts`, `coldStartSeconds`. What has no rule is free.',
    }),
  backendClasses: z
    .record(name, name)
    .default({})
    .meta({ description: 'Class of each backend, by its id, for prices per second. Others are of class `default`.' }),
  margin: z.number().min(1).max(100).default(1.25).meta({ description: 'What is held is the estimate times this.' }),
  overdraft: z
    .boolean()
    .default(false)
    .meta({ description: 'Charge more than was held when it cost more, down to the floor of the account.' }),
  cancelled: z
    .enum(['free', 'run-time'])
    .default('free')
    .meta({ description: 'What a generation costs that is cancelled while it runs.' }),
  holdMs: milliseconds(24 * 60 * MINUTE_MS, 'A hold that belongs to no generation is released after this time.'),
  expiryGraceMs: milliseconds(
    24 * 60 * MINUTE_MS,
    'Credit that has expired since it was spent is usable for so long after a refund.',
  ),
  sweepMs: milliseconds(5 * MINUTE_MS, 'Pause between two sweeps of expired credit and overdue holds.', 1000),
  topUpHint: z.string().default('').meta({ description: 'Where to get points; told to those who have too few.' }),
});

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
    .array(z.discriminatedUnion('kind', [comfyuiBackend, embeddedBackend]))
    .min(1, 'name at least one backend')
    .default([{ id: 'embedded', kind: 'embedded', concurrency: 1 }])
    .meta({
      description:
        'Where graphs run. An item may be a URL alone (then its id is made of host and port), or the word `embedded`.',
    }),
  limits: section({
    queueMs: milliseconds(60 * MINUTE_MS, 'From submit until a backend has taken the work, all attempts together.'),
    runMs: milliseconds(30 * MINUTE_MS, 'From the moment the backend runs it.'),
    silenceMs: milliseconds(
      5 * MINUTE_MS,
      'A running prompt that says nothing for so long is taken for stuck. Loading a model is silent, so be generous.',
    ),
    collectMs: milliseconds(5 * MINUTE_MS, 'For fetching all outputs of one attempt.'),
    cancelMs: milliseconds(30_000, 'How long a cancel waits for the backend to confirm that it stopped.'),
    maxAttempts: count(3, 100, 'Attempts per piece of work.'),
    maxOutputBytes: bytes(4096 * MIB, 'Largest single output file.'),
  }),
  timing: section({
    leaseMs: milliseconds(15_000, 'A node that says nothing for so long loses its backends to other nodes.', 1000),
    tickMs: milliseconds(1000, 'Longest time until new work is noticed when a notification was lost.', 10),
    maxHealthPauseMs: milliseconds(15_000, 'Longest pause between two looks at a backend that is out of reach.', 10),
  }),
  http: section({
    host: z.string().min(1).default('127.0.0.1').meta({ description: 'Address to listen on.' }),
    port: z.int().min(0).max(65_535).default(8288).meta({ description: 'Port to listen on; 0 takes any free one.' }),
    allowedHosts: z.array(z.string().min(1)).default([]).meta({
      description:
        'Further host names that it answers under, for a proxy that passes its own on. Others are refused, so that web pages of strangers cannot reach it.',
    }),
    maxBodyBytes: bytes(32 * MIB, 'Largest request body.'),
    maxUploadBytes: bytes(100 * MIB, 'Largest uploaded file.'),
  }),
  points: pointsSection,
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
