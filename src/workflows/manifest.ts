import { z } from 'zod';
import { WorkflowError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import { didYouMean } from '../graph/index.js';
import { isWorkflowName, NAME_RULE, normalType } from './names.js';

/**
 * The manifest: what an author writes about a workflow, in a JSON file beside it (`name.easel.json` for `name.json`). All of
 * it may be left out; what is left out is found in the graph. `docs/workflows.md` shows it in use.
 */
const INPUT_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** What takes the place of `input_…`, `$…` and whatever else a marker put before a name is left to the author. */
const inputName = z.string().regex(INPUT_NAME, 'use up to 64 letters, digits, "_" and "-", the first a letter or "_"');
const words = (most: number) => z.string().max(most);
const number = z.union([z.number(), z.bigint()]);
const value = z.custom<JsonValue>((given) => given !== undefined);
const count = z.int().min(0);

const target = z.union([
  z.string().regex(/\./, 'write it as "node.input", such as "6.text"'),
  z.strictObject({ node: z.string(), input: z.string() }),
]);

/** `"node.input"`, where the node is an id, a title, or a class that only one node has. */
export type ManifestTarget = z.output<typeof target>;

const input = z.strictObject({
  name: inputName.meta({
    description:
      'Name of the input, unique within the workflow. Alone, it means the input of that name that was found in the graph.',
  }),
  from: inputName.optional().meta({ description: 'The found input that this one is, where it gets another name.' }),
  target: z
    .union([target, z.array(target).min(1)])
    .optional()
    .meta({
      description:
        'Where the value goes: "node.input", or a list of them. The node is an id, a title, or a class that only one node has.',
    }),
  title: words(200).optional().meta({ description: 'What a form calls it; its name unless told.' }),
  description: words(4_000)
    .optional()
    .meta({ description: 'For people. A note in the workflow, or the tooltip of the node, unless told.' }),
  type: z.enum(['string', 'integer', 'number', 'boolean', 'choice', 'file']).optional().meta({
    description: 'Type of its values. What the node takes unless told.',
  }),
  role: z
    .enum([
      'prompt',
      'negative',
      'seed',
      'width',
      'height',
      'batch_size',
      'steps',
      'cfg',
      'denoise',
      'sampler',
      'scheduler',
      'image',
      'mask',
      'video',
      'audio',
      'file',
      'model',
      'lora',
      'other',
    ])
    .optional()
    .meta({
      description: 'What the value is for: plans limit sizes and steps by it, prompts are assembled, seeds are drawn.',
    }),
  required: z.boolean().optional().meta({
    description: 'A request without it is refused. Unless told, what has a default is not required; files are.',
  }),
  default: value.optional().meta({ description: 'What an absent value means; what is in the graph unless told.' }),
  min: number.optional().meta({ description: 'Least number. Never less than the node takes.' }),
  max: number.optional().meta({ description: 'Greatest number. Never more than the node takes.' }),
  step: z
    .number()
    .positive()
    .optional()
    .meta({ description: 'A form counts in it. Values between are taken all the same.' }),
  minLength: count.optional().meta({ description: 'Least length of a text, in characters. 1 refuses an empty one.' }),
  maxLength: count.optional().meta({ description: 'Greatest length of a text, in characters.' }),
  choices: z
    .array(value)
    .min(1)
    .optional()
    .meta({ description: 'The values to choose from; those of the node unless told.' }),
  multiline: z.boolean().optional().meta({ description: 'A form shows several lines.' }),
  media: z
    .enum(['image', 'mask', 'video', 'audio', 'file'])
    .optional()
    .meta({ description: 'For files: what it must be.' }),
  takes: z
    .enum(['upload', 'url'])
    .optional()
    .meta({ description: 'For files: uploaded to the backend, or an address that the node fetches.' }),
  group: words(100).optional().meta({ description: 'Heading in a form.' }),
  prompt: z
    .strictObject({
      prefix: words(20_000).optional().meta({ description: 'Before the text of the request.' }),
      base: words(20_000).optional().meta({ description: 'After it: the style that the workflow stands for.' }),
      suffix: words(20_000).optional().meta({ description: 'At the end.' }),
      separator: words(100).optional().meta({ description: 'Between the parts that are not empty; ", " unless told.' }),
    })
    .optional()
    .meta({ description: 'For texts: what the workflow adds to every prompt.' }),
  seed: z.enum(['random', 'fixed', 'increment']).optional().meta({
    description:
      'For seeds: what an absent one means. "random" draws one, "fixed" takes the default, "increment" takes one more than the last of the account.',
  }),
});

const output = z.strictObject({
  name: inputName.meta({ description: 'Name of the output.' }),
  node: z
    .string()
    .min(1)
    .meta({ description: 'The node that makes it: an id, a title, or a class that only one node has.' }),
  media: z
    .enum(['image', 'video', 'audio', 'model3d', 'text', 'latent', 'file'])
    .optional()
    .meta({ description: 'What it is; told by the class of the node unless told.' }),
  description: words(4_000).optional().meta({ description: 'For people.' }),
});

const nodeNames = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const type = z
  .string()
  .refine(
    (text) => normalType(text) !== null,
    'use up to 40 letters, digits, "_" and "+", such as MAKE, I2I or UPSCALE',
  );
const limitMs = z.int().min(1).max(2_147_483_647);

export const manifestSchema = z.strictObject({
  $schema: z.string().optional().meta({ description: 'For editors; not looked at.' }),
  easel: z.literal(1).optional().meta({ description: 'Version of this format.' }),
  name: z
    .string()
    .refine((text) => isWorkflowName(text.normalize('NFC')), `use ${NAME_RULE}`)
    .optional()
    .meta({ description: 'Name of the workflow; that of the file unless told.' }),
  title: words(200).optional().meta({ description: 'What people see; the name unless told.' }),
  description: words(10_000).optional().meta({ description: 'What it does. The notes in the workflow unless told.' }),
  type: type.optional().meta({
    description: 'What it is for: MAKE (text to image), I2I, UPSCALE, INPAINT, T2V, I2V, or a word of your own.',
  }),
  aliases: z
    .array(z.string().refine((text) => isWorkflowName(text.normalize('NFC')), `use ${NAME_RULE}`))
    .max(50)
    .optional()
    .meta({ description: 'Other names that it answers to.' }),
  discover: z.enum(['all', 'marked', 'none']).optional().meta({
    description:
      'Which found inputs are offered besides those listed: "all", those that are "marked" in the graph, or "none". Without a list of inputs "all", with one "none".',
  }),
  inputs: z.array(input).max(200).optional().meta({ description: 'Its inputs, in the order of a form.' }),
  outputs: z
    .array(output)
    .max(200)
    .optional()
    .meta({ description: 'Its outputs; every node that ends in one unless told.' }),
  loras: z
    .union([
      z.boolean(),
      z.strictObject({
        model: nodeNames
          .optional()
          .meta({ description: 'Node (or list of them) behind whose MODEL output they are put.' }),
        clip: nodeNames
          .optional()
          .meta({ description: 'Node (or list of them) behind whose CLIP output they are put.' }),
        max: z.int().min(1).max(100).optional().meta({ description: 'Most in one prompt; 8 unless told.' }),
      }),
    ])
    .optional()
    .meta({
      description: 'Whether <lora:name:strength> in a prompt loads a LoRA (true unless told), and where it is put.',
    }),
  requires: z
    .strictObject({
      models: z
        .array(z.string().regex(/^[^/]+\/.+/, 'write it as "folder/file"'))
        .max(500)
        .optional()
        .meta({ description: 'Models besides those that the graph names, as "loras/detail.safetensors".' }),
      nodes: z
        .array(z.string().min(1))
        .max(500)
        .optional()
        .meta({ description: 'Node classes besides those of the graph.' }),
      packs: z.array(z.string().min(1)).max(100).optional().meta({ description: 'Node packs to install, for people.' }),
      tags: z
        .array(z.string().min(1).max(100))
        .max(20)
        .optional()
        .meta({ description: 'Only a backend with all these tags may run it.' }),
      vramBytes: z
        .int()
        .min(1)
        .optional()
        .meta({ description: 'Only a backend with so much video memory may run it.' }),
    })
    .optional()
    .meta({ description: 'What a backend must have.' }),
  limits: z
    .strictObject({
      queueMs: limitMs.optional().meta({ description: 'Longest wait for a backend, in milliseconds.' }),
      runMs: limitMs.optional().meta({ description: 'Longest run, in milliseconds.' }),
      maxAttempts: z.int().min(1).max(100).optional().meta({ description: 'Most tries.' }),
    })
    .optional()
    .meta({ description: 'In place of the configured limits.' }),
});

export type Manifest = z.output<typeof manifestSchema>;
export type ManifestInput = NonNullable<Manifest['inputs']>[number];

/** One thing that is wrong, by its place as a JSON pointer in fragment form. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/** Throws WorkflowError `workflow_manifest_invalid` that lists every fault. */
export function parseManifest(given: unknown, label = 'The manifest'): Manifest {
  const result = manifestSchema.safeParse(given);
  if (result.success) return result.data;
  throw manifestInvalid(label, result.error.issues.flatMap(toFaults));
}

export function manifestInvalid(label: string, faults: readonly Fault[]): WorkflowError {
  const [first, ...others] = faults;
  const place = first === undefined || first.pointer === '#' ? '' : ` ${first.pointer.slice(2)}:`;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new WorkflowError(
    'workflow_manifest_invalid',
    `${label}:${place} ${first?.detail ?? 'it does not fit.'}${more}`,
    {
      details: { errors: faults },
    },
  );
}

function toFaults(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ pointer: pointerOf(issue.path), detail: issue.message.replace(/^Invalid input: /, '') }];
  }
  return issue.keys.map((key) => ({
    pointer: pointerOf([...issue.path, key]),
    detail: `${JSON.stringify(key.slice(0, 100))} is not known here. ${didYouMean(key, fieldsAt(issue.path))}`.trim(),
  }));
}

export function pointerOf(path: readonly PropertyKey[]): string {
  return `#${path
    .map(
      (part) =>
        `/${encodeURIComponent(
          String(part)
            .slice(0, 100)
            .replaceAll('~', '~0')
            .replaceAll('/', '~1')
            .replace(/\p{Surrogate}/gu, '\uFFFD'),
        )}`,
    )
    .join('')}`;
}

/** The fields that the manifest has at this place. */
function fieldsAt(path: readonly PropertyKey[]): string[] {
  const [first, second, third] = path;
  if (first === undefined) return Object.keys(manifestSchema.shape);
  if (first === 'outputs') return Object.keys(output.shape);
  if (first === 'inputs')
    return typeof second === 'number' && third === 'prompt'
      ? ['prefix', 'base', 'suffix', 'separator']
      : Object.keys(input.shape);
  if (first === 'requires') return ['models', 'nodes', 'packs', 'tags', 'vramBytes'];
  if (first === 'limits') return ['queueMs', 'runMs', 'maxAttempts'];
  return first === 'loras' ? ['model', 'clip', 'max'] : [];
}
