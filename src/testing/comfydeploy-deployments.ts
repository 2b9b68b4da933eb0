import type { Graph } from '../graph/types.js';

/** A workflow that a fake ComfyDeploy keeps, and how the API describes it (comfydeploy.md 7.1). */
export interface FakeDeployment {
  readonly id: string;
  readonly name: string;
  readonly graph: Graph;
  readonly versionId: string;
  /** Listed only with `is_fluid=true`. */
  readonly isFluid: boolean;
}

const INPUT_TYPES: Readonly<Record<string, string>> = {
  ComfyUIDeployExternalNumber: 'float',
  ComfyUIDeployExternalNumberSlider: 'float',
  ComfyUIDeployExternalNumberInt: 'integer',
  ComfyUIDeployExternalNumberSliderInt: 'integer',
  ComfyUIDeployExternalBoolean: 'boolean',
};
/** The API does not list them, although they take values. */
const UNLISTED = ['ComfyUIDeployExternalSeed', 'ComfyUIDeployExternalFaceModel', 'ComfyUIDeployExternalVid'];

export function describeDeployment(deployment: FakeDeployment): object {
  const { id, name, graph, versionId } = deployment;
  const inputs = Object.values(graph).filter(
    (node) => node.class_type.startsWith('ComfyUIDeployExternal') && !UNLISTED.includes(node.class_type),
  );
  return {
    id,
    workflow_id: versionId,
    workflow_version_id: versionId,
    environment: 'production',
    description: null,
    gpu: null,
    created_at: '2026-03-01T10:00:00Z',
    updated_at: '2026-03-01T10:00:00.123456Z',
    workflow: { id: versionId, name, cover_url: null },
    machine: { id: 'machine', name: 'machine' },
    input_types: inputs.map((node) => ({
      type: INPUT_TYPES[node.class_type] ?? 'string',
      class_type: node.class_type,
      input_id: node.inputs['input_id'],
      default_value: node.inputs['default_value'] ?? null,
      min_value: node.inputs['min_value'] ?? null,
      max_value: node.inputs['max_value'] ?? null,
      display_name: node.inputs['display_name'] ?? '',
      description: node.inputs['description'] ?? '',
    })),
    output_types: [],
  };
}
