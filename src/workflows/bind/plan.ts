import type { JsonValue } from '../../core/json.js';
import type { InputRole } from '../../graph/index.js';
import type { WorkflowInput } from '../types.js';
import { type InputProblem, problemAt } from './values.js';

/** What the plan of an account allows; absent is without limit. */
export interface PlanLimits {
  readonly maxMegapixels?: number | undefined;
  readonly maxBatch?: number | undefined;
  readonly maxSteps?: number | undefined;
}

/**
 * Values beyond the account's plan, by the input that asks for too much. The ledger refuses such a graph too; there it can
 * only say which perk is exceeded.
 */
export function planProblems(
  inputs: readonly WorkflowInput[],
  values: ReadonlyMap<string, JsonValue>,
  plan: PlanLimits,
): InputProblem[] {
  const problems: InputProblem[] = [];
  const byRole = (role: InputRole) =>
    inputs.flatMap((input) => {
      const value = values.get(input.name);
      return input.role === role && value !== undefined ? [{ input, value: Number(value) }] : [];
    });
  const refuse = (input: WorkflowInput, perk: string, limit: number, asked: number, words: string) =>
    problems.push({
      ...problemAt(input.name, `The plan allows ${limit} ${words}; ${asked} were asked for.`),
      plan: { perk, limit, asked },
    });
  const { maxSteps, maxBatch, maxMegapixels } = plan;
  if (maxSteps !== undefined) {
    for (const { input, value } of byRole('steps')) {
      if (value > maxSteps) refuse(input, 'maxSteps', maxSteps, value, 'steps');
    }
  }
  if (maxBatch !== undefined) {
    for (const { input, value } of byRole('batch_size')) {
      if (value > maxBatch) refuse(input, 'maxBatch', maxBatch, value, 'pictures at once');
    }
  }
  if (maxMegapixels !== undefined) {
    const heights = byRole('height');
    for (const [index, { input, value }] of byRole('width').entries()) {
      const height = heights.find((other) => sharesNode(other.input, input)) ?? heights[index];
      const megapixels = (value * (height?.value ?? 0)) / 1_000_000;
      if (megapixels <= maxMegapixels) continue;
      refuse(input, 'maxMegapixels', maxMegapixels, megapixels, 'megapixels');
      if (height !== undefined) refuse(height.input, 'maxMegapixels', maxMegapixels, megapixels, 'megapixels');
    }
  }
  return problems;
}

function sharesNode(a: WorkflowInput, b: WorkflowInput): boolean {
  return a.targets.some(({ node }) => b.targets.some((target) => target.node === node));
}
