import type { JsonObject, JsonValue } from '../core/json.js';
import { isJsonObject } from '../core/json.js';
import type { Graph } from '../graph/types.js';
import { checkLink, checkLiteral } from './input-checks.js';
import { declaredInputs } from './input-specs.js';
import type { NodeCheckContext, NodeClass } from './node.js';
import type { EngineProfile } from './profile.js';
import { keyError, PythonError, toPythonError } from './python-errors.js';
import { pythonRepr, pythonTypeName } from './python-values.js';
import {
  customValidationFailed,
  type InputError,
  innerException,
  type NodeErrors,
  outputException,
  promptError,
  requiredInputMissing,
} from './validation-errors.js';

/**
 * Checks a prompt at submit time and rewrites its values in place, as a real server does: the rewritten prompt is what
 * runs, what queue and history show, and what is embedded in files (comfyui.md 1.3).
 */
export type ValidationResult =
  | {
      readonly isValid: true;
      readonly prompt: Graph;
      readonly outputs: readonly string[];
      readonly nodeErrors: NodeErrors;
    }
  | { readonly isValid: false; readonly error: InputError; readonly nodeErrors: NodeErrors };

export interface ValidationOptions {
  readonly nodes: ReadonlyMap<string, NodeClass>;
  readonly profile: EngineProfile;
  /** Context for the node's own check. */
  readonly checkContext: (nodeId: string) => NodeCheckContext;
}

interface NodeVerdict {
  readonly isValid: boolean;
  readonly errors: readonly InputError[];
}

/**
 * `targets` is `partial_execution_targets`: null or undefined for all outputs. Throws PythonError where a real server
 * fails with an unhandled exception, which becomes HTTP 500.
 */
export async function validatePrompt(
  options: ValidationOptions,
  prompt: JsonValue,
  targets: JsonValue | undefined,
): Promise<ValidationResult> {
  const nodes = promptNodes(prompt);
  const outputs: string[] = [];
  for (const [id, node] of nodes) {
    const problem = classProblem(options.nodes, id, node);
    if (problem) return refused(problem);
    const { definition } = options.nodes.get(String((node as JsonObject)['class_type']))!;
    if (definition.output_node === true && isTarget(targets, id)) outputs.push(id);
  }
  if (outputs.length === 0) return refused(promptError('prompt_no_outputs', 'Prompt has no outputs'));

  const run = new ValidationRun(options, prompt as JsonObject);
  const poison = run.nodeWithoutInputs(nodes);
  const good: string[] = [];
  const reasons: InputError[] = [];
  const nodeErrors: NodeErrors = {};
  for (const id of outputs) {
    const verdict = await run.checkOutput(id);
    if (verdict.isValid) good.push(id);
    else reasons.push(...verdict.errors);
    if (!verdict.isValid) run.collectErrors(id, nodeErrors);
  }
  if (good.length > 0 && poison !== null) {
    // A real server accepts this and then its only executor thread dies of it: HTTP stays up, nothing runs any more.
    return refused(
      promptError('invalid_prompt', 'Cannot execute because a node has no inputs.', `Node ID '#${poison}'`),
    );
  }
  if (good.length > 0) return { isValid: true, prompt: prompt as unknown as Graph, outputs: good, nodeErrors };
  const details = reasons.map((reason) => `${reason.message}: ${reason.details}`).join('\n');
  return refused(
    promptError('prompt_outputs_failed_validation', 'Prompt outputs failed validation', details),
    nodeErrors,
  );
}

function refused(error: InputError, nodeErrors: NodeErrors = {}): ValidationResult {
  return { isValid: false, error, nodeErrors };
}

function promptNodes(prompt: JsonValue): [string, JsonValue][] {
  if (isJsonObject(prompt)) return Object.entries(prompt);
  if (Array.isArray(prompt) && prompt.length === 0) return [];
  if (typeof prompt === 'string' && prompt === '') return [];
  throw new PythonError('TypeError', `'${pythonTypeName(prompt)}' object is not a prompt`);
}

function classProblem(classes: ReadonlyMap<string, NodeClass>, id: string, node: JsonValue): InputError | null {
  const details = `Node ID '#${id}'`;
  if (!isJsonObject(node)) {
    if (Array.isArray(node) || typeof node === 'string') {
      return promptError(
        'invalid_prompt',
        'Cannot execute because a node is missing the class_type property.',
        details,
      );
    }
    throw new PythonError('TypeError', `argument of type '${pythonTypeName(node)}' is not iterable`);
  }
  if (!Object.hasOwn(node, 'class_type')) {
    return promptError('invalid_prompt', 'Cannot execute because a node is missing the class_type property.', details);
  }
  const classType = node['class_type'];
  if (typeof classType === 'string' && classes.has(classType)) return null;
  const name = typeof classType === 'string' ? classType : pythonRepr(classType);
  return promptError('invalid_prompt', `Cannot execute because node ${name} does not exist.`, details);
}

function isTarget(targets: JsonValue | undefined, id: string): boolean {
  if (targets === null || targets === undefined) return true;
  // Python's `in` works on strings too: "4" matches the node "4".
  if (typeof targets === 'string') return targets.includes(id);
  if (Array.isArray(targets)) return targets.includes(id);
  if (isJsonObject(targets)) return Object.hasOwn(targets, id);
  throw new PythonError('TypeError', `argument of type '${pythonTypeName(targets)}' is not iterable`);
}

class ValidationRun {
  readonly #options: ValidationOptions;
  readonly #prompt: JsonObject;
  readonly #verdicts = new Map<string, NodeVerdict>();
  readonly #inProgress = new Set<string>();

  constructor(options: ValidationOptions, prompt: JsonObject) {
    this.#options = options;
    this.#prompt = prompt;
  }

  nodeWithoutInputs(nodes: readonly [string, JsonValue][]): string | null {
    const found = nodes.find(([, node]) => !isJsonObject(isJsonObject(node) ? node['inputs'] : undefined));
    return found ? found[0] : null;
  }

  async checkOutput(id: string): Promise<NodeVerdict> {
    try {
      return await this.#check(id);
    } catch (error) {
      const verdict = { isValid: false, errors: [outputException(toPythonError(error))] };
      this.#verdicts.set(id, verdict);
      return verdict;
    }
  }

  /** Every node found faulty so far gets the id of the failing output, related or not: a quirk that clients see. */
  collectErrors(outputId: string, into: NodeErrors): void {
    for (const [id, verdict] of this.#verdicts) {
      if (verdict.isValid || verdict.errors.length === 0) continue;
      const node = this.#prompt[id] as JsonObject;
      into[id] ??= { errors: verdict.errors, dependent_outputs: [], class_type: String(node['class_type']) };
      into[id].dependent_outputs.push(outputId);
    }
  }

  async #check(id: string): Promise<NodeVerdict> {
    const known = this.#verdicts.get(id);
    if (known) return known;
    // A real server recurses until Python gives up; the outcome is an invalid node without a reason.
    if (this.#inProgress.has(id)) return { isValid: false, errors: [] };
    this.#inProgress.add(id);
    try {
      const verdict = await this.#checkNode(id);
      this.#verdicts.set(id, verdict);
      return verdict;
    } finally {
      this.#inProgress.delete(id);
    }
  }

  async #checkNode(id: string): Promise<NodeVerdict> {
    const node = this.#prompt[id] as JsonObject;
    const nodeClass = this.#options.nodes.get(String(node['class_type']))!;
    const inputs = node['inputs'];
    if (inputs === undefined) throw keyError("'inputs'");
    if (!isJsonObject(inputs)) {
      throw new PythonError('TypeError', `argument of type '${pythonTypeName(inputs)}' is not iterable`);
    }
    const isSelfChecked = selfCheckedInputs(nodeClass);
    const errors: InputError[] = [];
    let isValid = true;
    for (const [name, input] of declaredInputs(nodeClass.definition, inputs)) {
      if (!Object.hasOwn(inputs, name)) {
        if (input.category === 'required') errors.push(requiredInputMissing(name));
        continue;
      }
      const value = inputs[name]!;
      if (!Array.isArray(value)) {
        const check = checkLiteral(this.#options.profile, name, input, value, isSelfChecked(name));
        if ('value' in check) inputs[name] = check.value;
        if ('error' in check && check.error) errors.push(check.error);
        continue;
      }
      const link = checkLink(this.#options.nodes, this.#prompt, name, input, value);
      if (link.error) {
        errors.push(link.error);
        continue;
      }
      try {
        if (!(await this.#check(link.sourceId)).isValid) isValid = false;
      } catch (error) {
        isValid = false;
        const reason = innerException(name, input, value, toPythonError(error));
        this.#verdicts.set(link.sourceId, { isValid: false, errors: [reason] });
      }
    }
    errors.push(...(await this.#customErrors(id, nodeClass, inputs)));
    return { isValid: isValid && errors.length === 0, errors };
  }

  async #customErrors(id: string, nodeClass: NodeClass, inputs: JsonObject): Promise<InputError[]> {
    if (!nodeClass.validate) return [];
    const isSelfChecked = selfCheckedInputs(nodeClass);
    const names = [...declaredInputs(nodeClass.definition, inputs).keys()].filter(
      (name) => Object.hasOwn(inputs, name) && isSelfChecked(name),
    );
    if (names.length === 0) return [];
    const literals = Object.fromEntries(names.map((name) => [name, Array.isArray(inputs[name]) ? null : inputs[name]]));
    const answer = await nodeClass.validate(literals, this.#options.checkContext(id));
    return answer === true ? [] : names.map((name) => customValidationFailed(name, answer));
  }
}

/** Which inputs the node checks itself. A check without a list of names stands for all of them. */
function selfCheckedInputs(nodeClass: NodeClass): (name: string) => boolean {
  if (!nodeClass.validate) return () => false;
  const { validatedInputs } = nodeClass;
  return validatedInputs === undefined ? () => true : (name) => validatedInputs.includes(name);
}
