import { BackendError, type ErrorCode } from '../core/errors.js';
import type { Graph } from '../graph/types.js';
import { describeNode, titleOf } from './outcome.js';
import type { InputError, NodeErrors } from './schemas.js';

/**
 * From a refused prompt (400, or 200 with `node_errors`; comfyui.md 1.3) to one error that names node, input and reason.
 * The message shows the first few faults; `details.nodeErrors` lists them, `details.faultCount` counts them all.
 */
export interface Refusal {
  /** Absent for a 200 with `node_errors`. */
  readonly error?: InputError;
  readonly nodeErrors: NodeErrors;
}

interface Fault {
  readonly nodeId: string;
  readonly classType: string;
  readonly title: string | null;
  readonly inputName: string | null;
  readonly type: string;
  readonly reason: string;
  /** A number, a boolean or the beginning of a text; null for anything larger. */
  readonly receivedValue: string | number | boolean | null;
}

const SHOWN_FAULTS = 3;
const LISTED_FAULTS = 50;

export function refusalError(refusal: Refusal, graph: Graph): BackendError {
  const { error } = refusal;
  if (error !== undefined) {
    const missing = missingNodeClass(error, graph);
    if (missing !== null) return missing;
  }
  const faults = listFaults(refusal.nodeErrors, graph);
  const first = faults[0];
  if (first === undefined) return wholeGraphError(error);
  // Only when nothing else is wrong: a graph with another fault is refused by every backend, whatever files it has.
  const code: ErrorCode = faults.every(isMissingModel) ? 'backend_model_missing' : 'backend_rejected_graph';
  const shown = faults.slice(0, SHOWN_FAULTS).map(sentence).join(' ');
  const more = faults.length > SHOWN_FAULTS ? ` And ${faults.length - SHOWN_FAULTS} more.` : '';
  return new BackendError(code, `${shown}${more}`, {
    details: {
      nodeId: first.nodeId,
      classType: first.classType,
      ...(first.inputName === null ? {} : { inputName: first.inputName }),
      faultCount: faults.length,
      nodeErrors: faults.slice(0, LISTED_FAULTS),
    },
  });
}

/** Only the first offender is ever reported, and `node_errors` is empty then. */
function missingNodeClass(error: InputError, graph: Graph): BackendError | null {
  if (error.type !== 'invalid_prompt' && error.type !== 'missing_node_type') return null;
  const told = error.extra_info['class_type'];
  const match = /node (.+) does not exist|Node '(.+)' not found/.exec(error.message);
  const nodeId = stringOr(error.extra_info['node_id'], /'#(.+)'/.exec(error.details)?.[1] ?? '');
  const classType = stringOr(told, match?.[1] ?? match?.[2] ?? graph[nodeId]?.class_type ?? '');
  if (match === null || classType === '') return null;
  const title = titleOf(graph, nodeId);
  return new BackendError(
    'backend_node_missing',
    `${describeNode(nodeId, classType, title)}: the backend has no node class ${JSON.stringify(classType)}.`,
    { details: { nodeId, classType, ...(title === null ? {} : { title }) } },
  );
}

function wholeGraphError(error: InputError | undefined): BackendError {
  const type = error?.type ?? '';
  const hint = type === 'prompt_no_outputs' ? 'Add a save or preview node, or check that it is not muted.' : undefined;
  const reason = [error?.message, error?.details === error?.message ? '' : error?.details]
    .filter((part) => part !== undefined && part !== '')
    .join(': ');
  return new BackendError(
    'backend_rejected_graph',
    reason === '' ? 'The backend refused the graph and does not say why.' : sentenceEnd(clip(reason)),
    {
      ...(hint === undefined ? {} : { hint }),
      details: { type, nodeErrors: [] },
    },
  );
}

function listFaults(nodeErrors: NodeErrors, graph: Graph): Fault[] {
  const order = new Map(Object.keys(graph).map((nodeId, index) => [nodeId, index]));
  return Object.entries(nodeErrors)
    .sort(([a], [b]) => (order.get(a) ?? order.size) - (order.get(b) ?? order.size))
    .flatMap(([nodeId, node]) =>
      node.errors.map((error): Fault => {
        const inputName = error.extra_info['input_name'];
        return {
          nodeId,
          classType: node.class_type || (graph[nodeId]?.class_type ?? ''),
          title: titleOf(graph, nodeId),
          inputName: typeof inputName === 'string' ? inputName : null,
          type: error.type,
          reason: reasonOf(error),
          receivedValue: shortValue(error.extra_info['received_value']),
        };
      }),
    );
}

/** ComfyUI's `details` often repeats the input's name only; where it says more, it is worth showing. */
function reasonOf(error: InputError): string {
  const inputName = error.extra_info['input_name'];
  const says = error.details !== '' && error.details !== inputName ? error.details : '';
  return clip([error.message || error.type, says].filter((part) => part !== '').join(': '));
}

function sentence(fault: Fault): string {
  const input = fault.inputName === null ? '' : `, input ${JSON.stringify(fault.inputName)}`;
  return sentenceEnd(`${describeNode(fault.nodeId, fault.classType, fault.title)}${input}: ${fault.reason}`);
}

const MODEL_FILE = /\.(?:safetensors|sft|ckpt|pt|pth|bin|gguf|onnx)$/i;
const MODEL_INPUT =
  /^(?:ckpt|checkpoint|lora|vae|unet|diffusion_model|clip|text_encoder|control_net|controlnet|style_model|clip_vision|gligen|hypernetwork|upscale_model|audio_encoder|model_patch|model)_name_?\d*$/;

/** `value_not_in_list` on an input that takes the name of a model file. */
function isMissingModel(fault: Fault): boolean {
  if (fault.type !== 'value_not_in_list') return false;
  return (
    (typeof fault.receivedValue === 'string' && MODEL_FILE.test(fault.receivedValue)) ||
    (fault.inputName !== null && MODEL_INPUT.test(fault.inputName))
  );
}

function stringOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

function shortValue(value: unknown): Fault['receivedValue'] {
  if (typeof value === 'string') return value.slice(0, 200);
  return typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

function clip(message: string): string {
  return message.length > 240 ? `${message.slice(0, 240)}…` : message;
}

function sentenceEnd(message: string): string {
  return /[.…!?]$/.test(message) ? message : `${message}.`;
}
