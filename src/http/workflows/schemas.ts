import { z } from 'zod';
import { termsShape } from '../generations/terms.js';
import { flag, jsonObject, strictObject, wholeNumber } from '../validate.js';

/** What the routes of workflows take. */
const reference = z.string().min(1).max(100);

export const noBody = strictObject({}).optional();

export const listWorkflowsQuery = strictObject({
  type: z.string().min(1).max(100).optional(),
  enabled: flag,
  after: z.string().max(200).optional(),
  limit: wholeNumber(1, 100).optional(),
});

/** A number, a hash, a label, or `latest`. */
export const versionQuery = strictObject({ version: reference.optional() });

export const diffQuery = strictObject({ from: reference, to: reference });

export const addWorkflowBody = strictObject({
  name: z.string().min(1).max(200).optional(),
  /** In API format. */
  graph: jsonObject.optional(),
  /** In UI format; with a graph, what is embedded in outputs. */
  workflow: jsonObject.optional(),
  manifest: jsonObject.optional(),
  note: z.string().max(1_000).optional(),
  labels: z.array(z.string().max(100)).max(20).optional(),
  /** Build it anew although nothing has changed: the backend has. */
  refresh: z.boolean().optional(),
}).refine(({ graph, workflow }) => graph !== undefined || workflow !== undefined, {
  message: 'send a "workflow" (UI format) or a "graph" (API format)',
  path: ['workflow'],
  when: ({ issues }) => issues.length === 0,
});

export const labelBody = strictObject({ version: reference });

const target = z.discriminatedUnion('kind', [
  strictObject({ kind: z.literal('any') }),
  strictObject({ kind: z.literal('backend'), backend_id: z.string().min(1).max(100) }),
  strictObject({
    kind: z.literal('comfydeploy'),
    backend_id: z.string().min(1).max(100).nullish(),
    deployment_id: z.string().min(1).max(200),
  }),
]);

export const deploymentBody = strictObject({
  version: reference.nullish(),
  target: target.optional(),
  contexts: z.array(z.string().max(100)).optional(),
  weight: z.int().optional(),
  enabled: z.boolean().optional(),
});

export type DeploymentBody = z.output<typeof deploymentBody>;

/** The values themselves are checked against the workflow. */
export const generateBody = strictObject({
  inputs: jsonObject.optional(),
  version: reference.optional(),
  lane: z.enum(['interactive', 'batch']).optional(),
  /** What it is for: says which points may be spent. */
  context: z.string().min(1).max(100).optional(),
  backend_id: z.string().min(1).max(100).optional(),
  session_id: z.uuid().optional(),
  /** A deployment or a backend that it would rather have. */
  preference: z.string().min(1).max(100).optional(),
  /** The same deployment each time, as long as that is well. */
  sticky: z.boolean().optional(),
  ...termsShape,
  metadata: jsonObject.optional(),
});
