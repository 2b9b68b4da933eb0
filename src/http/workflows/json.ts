import { toWire, wireTime } from '../../core/wire.js';
import type {
  Availability,
  Deployment,
  VersionDiff,
  VersionSummary,
  Workflow,
  WorkflowInput,
  WorkflowVersion,
} from '../../workflows/index.js';

/** The one place that says how workflows look on the wire. */
export function workflowUrl(name: string): string {
  return `/v1/workflows/${encodeURIComponent(name)}`;
}

export function workflowJson(workflow: Workflow): object {
  const { name, title, description, type, aliases, enabled, source, latest, labels, createdAt, updatedAt } = workflow;
  const url = workflowUrl(name);
  return {
    name,
    title,
    description,
    type,
    aliases,
    enabled,
    source,
    latest,
    labels,
    created_at: wireTime(createdAt),
    updated_at: wireTime(updatedAt),
    url,
    versions_url: `${url}/versions`,
    schema_url: `${url}/schema`,
    generations_url: `${url}/generations`,
  };
}

/** A workflow with what one of its versions takes, makes and needs. */
export function describedJson(workflow: Workflow, version: WorkflowVersion): object {
  return { ...workflowJson(workflow), ...interfaceJson(version) };
}

export function versionJson(version: WorkflowVersion): object {
  return {
    workflow: version.workflow,
    note: version.note,
    created_at: wireTime(version.createdAt),
    ...interfaceJson(version),
    graph: version.graph,
  };
}

function interfaceJson({ number, hash, interface: about }: WorkflowVersion): object {
  const { title, description, type, inputs, outputs, requires, limits } = about;
  return {
    title,
    description,
    type,
    version: { number, hash },
    inputs: inputs.map(inputJson),
    outputs: outputs.map(toWire),
    requires: toWire(requires),
    limits: toWire(limits),
  };
}

/** Choices and defaults are values of the workflow, and pass as they are. */
function inputJson({ minLength, maxLength, ...input }: WorkflowInput): object {
  return {
    ...input,
    ...(minLength === undefined ? {} : { min_length: minLength }),
    ...(maxLength === undefined ? {} : { max_length: maxLength }),
  };
}

export function summaryJson({ number, hash, labels, isLatest, note, createdAt }: VersionSummary): object {
  return { number, hash, labels, is_latest: isLatest, note, created_at: wireTime(createdAt) };
}

export function diffJson({ nodes, inputs, outputs, about, ...rest }: VersionDiff): object {
  const mention = ({ id, classType, title }: VersionDiff['nodes']['added'][number]) => ({
    id,
    class_type: classType,
    title,
  });
  return {
    ...rest,
    nodes: {
      added: nodes.added.map(mention),
      removed: nodes.removed.map(mention),
      changed: nodes.changed.map((node) => ({ ...mention(node), inputs: node.inputs })),
    },
    inputs,
    outputs,
    about,
  };
}

export function availabilityJson({ ok, classes, models, choices, packs, unchecked }: Availability): object {
  return { ok, classes: toWire(classes), models: toWire(models), choices: toWire(choices), packs, unchecked };
}

export function deploymentJson(deployment: Deployment): object {
  const { id, workflow, version, target, contexts, weight, enabled, source, createdAt, updatedAt } = deployment;
  return {
    id,
    workflow,
    version,
    target: toWire(target),
    contexts,
    weight,
    enabled,
    source,
    created_at: wireTime(createdAt),
    updated_at: wireTime(updatedAt),
  };
}
