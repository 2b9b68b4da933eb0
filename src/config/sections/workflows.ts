import { z } from 'zod';
import { milliseconds, section } from './fields.js';

/** Workflows and where they come from: what docs/sources.md explains. */
const common = {
  id: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,39}$/, 'use up to 40 lower-case letters, digits, "_" and "-", the first a letter')
    .refine((id) => !['api', 'cli'].includes(id), '"api" and "cli" are who adds a workflow by hand')
    .optional()
    .meta({
      description: 'Name of the source; its kind unless given. Keep it: its workflows are found by it.',
    }),
};
const refreshMs = (defaultMs: number) =>
  milliseconds(defaultMs, 'Pause between two looks at everything that it has.', 1000);
const backendId = z.string().min(1).optional();

const folder = z.strictObject({
  kind: z.literal('folder').meta({ description: 'A folder with files, which is watched.' }),
  ...common,
  path: z.string().min(1).meta({
    description: 'The folder. Relative to the working folder, or to the configuration file that names it.',
  }),
  refreshMs: refreshMs(60_000),
});

const mongodb = z.strictObject({
  kind: z.literal('mongodb').meta({ description: 'A MongoDB collection of the kind that came before Easel.' }),
  ...common,
  url: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\/./, 'expected mongodb://host or mongodb+srv://host')
    .meta({ description: 'Its address.', secret: true }),
  database: z.string().min(1).optional().meta({ description: 'The database; that of the address unless given.' }),
  collection: z.string().min(1).default('workflows').meta({ description: 'The collection.' }),
  backend: backendId.meta({
    description: 'Id of the ComfyDeploy backend that runs its deployments; any unless given.',
  }),
  refreshMs: refreshMs(30_000),
});

const comfydeploy = z.strictObject({
  kind: z.literal('comfydeploy').meta({ description: 'The deployments of a ComfyDeploy.' }),
  ...common,
  backend: backendId.meta({ description: 'Id of the backend of that kind; the first unless given.' }),
  refreshMs: refreshMs(60_000),
});

export const workflowsSection = section({
  sources: z
    .array(z.discriminatedUnion('kind', [folder, mongodb, comfydeploy]))
    .default([])
    .meta({
      description: 'Where workflows come from by themselves.',
    }),
});

type Source = z.output<typeof workflowsSection>['sources'][number];

/** What one item alone does not show: names that are there twice, backends that are not there. */
export function sourceProblems(
  sources: readonly Source[],
  backends: readonly { readonly id: string; readonly kind: string }[],
): { readonly path: string; readonly message: string }[] {
  const ids = sources.map(({ id, kind }) => id ?? kind);
  const deploys = backends.filter(({ kind }) => kind === 'comfydeploy');
  return sources.flatMap((source, index) => {
    const path = `workflows.sources[${index}]`;
    const found: { path: string; message: string }[] = [];
    if (ids.indexOf(ids[index]!) !== index) {
      found.push({
        path: `${path}.id`,
        message: `"${ids[index]}" is the id of another source too; give this one its own.`,
      });
    }
    if (source.kind === 'folder') return found;
    if (source.backend !== undefined && !deploys.some(({ id }) => id === source.backend)) {
      found.push({
        path: `${path}.backend`,
        message: `there is no backend "${source.backend}" of the kind comfydeploy.`,
      });
    } else if (source.kind === 'comfydeploy' && deploys.length === 0) {
      found.push({ path: `${path}.backend`, message: 'there is no backend of the kind comfydeploy.' });
    }
    return found;
  });
}
