import { z } from 'zod';
import { route } from '../route.js';
import {
  addedSchema,
  availabilitySchema,
  deploymentSchema,
  describedSchema,
  diffSchema,
  generatedSchema,
  graphSchema,
  movedLabelSchema,
  versionListSchema,
  versionSchema,
  workflowPageSchema,
  workflowSchema,
} from './answers.js';
import {
  addWorkflowBody,
  deploymentBody,
  diffQuery,
  generateBody,
  labelBody,
  listWorkflowsQuery,
  noBody,
  versionQuery,
} from './schemas.js';

/** What the routes of workflows tell about themselves. */
const tag = 'Workflows';
const read = { tag, scope: 'workflows:read' } as const;
const write = { tag, scope: 'workflows:write' } as const;
const nothing = { description: 'Done.' };

export const listRoute = route({
  ...read,
  operationId: 'listWorkflows',
  summary: 'List workflows, by name',
  query: listWorkflowsQuery,
  answers: { 200: { description: 'A page.', schema: workflowPageSchema } },
});

export const addRoute = route({
  ...write,
  operationId: 'addWorkflow',
  summary: 'Add a version of a workflow, and with the first one the workflow',
  body: { schema: addWorkflowBody },
  answers: {
    200: { description: 'The workflow had this very content before.', schema: addedSchema },
    201: { description: 'A new version.', schema: addedSchema },
  },
});

export const getRoute = route({
  ...read,
  operationId: 'getWorkflow',
  summary: 'Read a workflow, and what a version of it takes, makes and needs',
  query: versionQuery,
  answers: { 200: { description: 'The workflow.', schema: describedSchema } },
});

export const removeRoute = route({
  ...write,
  operationId: 'removeWorkflow',
  summary: 'Remove a workflow with all versions, labels and deployments',
  answers: { 204: nothing },
});

export const schemaRoute = route({
  ...read,
  operationId: 'getWorkflowSchema',
  summary: 'Read what a workflow takes, as JSON Schema',
  query: versionQuery,
  answers: {
    200: {
      description: 'JSON Schema (2020-12).',
      type: 'application/schema+json',
      schema: z.record(z.string(), z.unknown()),
    },
  },
});

export const versionsRoute = route({
  ...read,
  operationId: 'listWorkflowVersions',
  summary: 'List the versions of a workflow, newest first',
  answers: { 200: { description: 'All of them.', schema: versionListSchema } },
});

export const versionRoute = route({
  ...read,
  operationId: 'getWorkflowVersion',
  summary: 'Read a version with its graph',
  answers: { 200: { description: 'The version.', schema: versionSchema } },
});

export const diffRoute = route({
  ...read,
  operationId: 'diffWorkflowVersions',
  summary: 'Compare two versions',
  query: diffQuery,
  answers: { 200: { description: 'What differs.', schema: diffSchema } },
});

export const availabilityRoute = route({
  ...read,
  operationId: 'checkWorkflow',
  summary: 'Ask every backend what it lacks for a workflow',
  query: versionQuery,
  answers: { 200: { description: 'By backend.', schema: availabilitySchema } },
});

export const setLabelRoute = route({
  ...write,
  operationId: 'setWorkflowLabel',
  summary: 'Move a label to a version',
  body: { schema: labelBody },
  answers: { 200: { description: 'Where it was and is.', schema: movedLabelSchema } },
});

export const rollbackRoute = route({
  ...write,
  operationId: 'rollbackWorkflowLabel',
  summary: 'Take a label back to the version that it was at before',
  body: { schema: noBody, isOptional: true },
  answers: { 200: { description: 'Where it was and is.', schema: movedLabelSchema } },
});

export const removeLabelRoute = route({
  ...write,
  operationId: 'removeWorkflowLabel',
  summary: 'Take a label away',
  answers: { 204: nothing },
});

const switched = { 200: { description: 'The workflow.', schema: workflowSchema } };

export const enableRoute = route({
  ...write,
  operationId: 'enableWorkflow',
  summary: 'Turn a workflow on',
  body: { schema: noBody, isOptional: true },
  answers: switched,
});

export const disableRoute = route({
  ...write,
  operationId: 'disableWorkflow',
  summary: 'Turn a workflow off: it takes no new generations',
  body: { schema: noBody, isOptional: true },
  answers: switched,
});

export const listDeploymentsRoute = route({
  ...read,
  operationId: 'listDeployments',
  summary: 'List the deployments of a workflow',
  answers: { 200: { description: 'All of them.', schema: z.object({ data: z.array(deploymentSchema) }) } },
});

export const addDeploymentRoute = route({
  ...write,
  operationId: 'addDeployment',
  summary: 'Say where runs of a workflow may go',
  body: { schema: deploymentBody, isOptional: true },
  answers: { 201: { description: 'The deployment.', schema: deploymentSchema } },
});

export const changeDeploymentRoute = route({
  ...write,
  operationId: 'changeDeployment',
  summary: 'Change a deployment',
  body: { schema: deploymentBody },
  answers: { 200: { description: 'The deployment.', schema: deploymentSchema } },
});

export const removeDeploymentRoute = route({
  ...write,
  operationId: 'removeDeployment',
  summary: 'Remove a deployment',
  answers: { 204: nothing },
});

export const generateRoute = route({
  tag,
  scope: 'generations:write',
  operationId: 'generate',
  summary: 'Run a workflow with these values',
  headers: {
    Prefer: 'Seconds to hold the answer back until the generation has ended: `wait=30`.',
    'Idempotency-Key': 'The same key with the same body returns the first answer; with another body it is a conflict.',
  },
  body: { schema: generateBody, isOptional: true },
  answers: {
    200: { description: 'It ended while you waited, or it was there before.', schema: generatedSchema },
    202: { description: 'Accepted, and not ended yet.', schema: generatedSchema },
  },
});

export const graphRoute = route({
  tag: 'Generations',
  scope: 'generations:read',
  operationId: 'getGenerationGraph',
  summary: 'Read the graph that a generation runs, and how it was bound',
  answers: { 200: { description: 'The graph.', schema: graphSchema } },
});
