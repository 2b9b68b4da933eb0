import type { DeploymentRequest, DeploymentValue } from '../../backends/spec.js';
import { EaselError } from '../../core/errors.js';
import { isJsonObject, parseLossless, stringifyLossless } from '../../core/json.js';

/** A deployment as it is asked for and stored. The server refuses null and nested values, so they are refused before. */
const MAX_ID_CHARS = 200;
const MAX_INPUTS_BYTES = 1024 * 1024;

/** Throws `request_invalid`, `payload_too_large`. */
export function checkDeployment({ id, inputs }: DeploymentRequest): void {
  if (id.length === 0 || id.length > MAX_ID_CHARS)
    throw invalid('deployment.id', `deployment.id must have 1 to ${MAX_ID_CHARS} characters.`);
  for (const [name, value] of Object.entries(inputs))
    if (!isValue(value) && !(Array.isArray(value) && value.every(isValue)))
      throw invalid(
        `deployment.inputs.${name}`,
        `deployment.inputs.${name} must be text, a finite number, a boolean, or a list of these.`,
      );
  if (Buffer.byteLength(stringifyLossless(inputs)) > MAX_INPUTS_BYTES)
    throw new EaselError('payload_too_large', `deployment.inputs are larger than ${MAX_INPUTS_BYTES} bytes.`, {
      hint: 'Attach files instead of writing them into the inputs.',
      details: { field: 'deployment.inputs' },
    });
}

export function deploymentText(deployment: DeploymentRequest | undefined): string | null {
  return deployment === undefined ? null : stringifyLossless(deployment);
}

export function readDeployment(text: string | null): DeploymentRequest | null {
  const stored = text === null ? null : parseLossless(text);
  if (!isJsonObject(stored)) return null;
  return { id: String(stored['id']), inputs: (stored['inputs'] ?? {}) as Record<string, DeploymentValue> };
}

function isValue(value: unknown): boolean {
  return (
    ['string', 'bigint', 'boolean'].includes(typeof value) || (typeof value === 'number' && Number.isFinite(value))
  );
}

function invalid(field: string, message: string): EaselError {
  return new EaselError('request_invalid', message, { details: { field } });
}
