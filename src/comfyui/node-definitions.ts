import type { NodeDefinition, NodeDefinitions } from '../graph/types.js';
import { nodeDefinitionSchema } from './schemas.js';

/**
 * Keeps what is well formed. One custom node with a broken description must not make a whole backend unusable, and a real
 * server leaves such classes out itself (comfyui.md 1.9).
 */
export function readNodeDefinitions(answer: Readonly<Record<string, unknown>>): NodeDefinitions {
  const definitions: Record<string, NodeDefinition> = {};
  for (const [name, value] of Object.entries(answer)) {
    const parsed = nodeDefinitionSchema.safeParse(value);
    if (parsed.success) definitions[name] = { ...parsed.data, name } as unknown as NodeDefinition;
  }
  return definitions;
}
