import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import { isJsonObject } from '../core/json.js';
import type { EngineCore } from './core.js';
import type { EngineLog } from './engine-log.js';
import { historyJson, queueTuple, withoutCredentials } from './history.js';
import { empty, type HttpAnswer, json } from './http-answer.js';
import { type EngineRequest, type Route, readBody, readJson } from './http-router.js';
import type { NodeClass } from './node.js';
import type { EngineProfile } from './profile.js';
import { PythonError } from './python-errors.js';
import { readPythonJson } from './python-json.js';
import { pythonBool, pythonFloat, pythonInt, pythonStr, pythonTypeName } from './python-values.js';
import { validatePrompt } from './validation.js';
import { promptError } from './validation-errors.js';

export interface PromptRoutesOptions {
  readonly core: () => EngineCore;
  readonly nodes: ReadonlyMap<string, NodeClass>;
  readonly profile: EngineProfile;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly orderOutputs: (outputs: readonly string[]) => readonly string[];
}

/** Submitting, the queue, interrupts and the history (comfyui.md 1.3 to 1.5). */
export function promptRoutes(options: PromptRoutesOptions): Route[] {
  const { core } = options;
  return [
    { method: 'GET', pattern: '/prompt', handler: () => json(core().status()) },
    { method: 'POST', pattern: '/prompt', handler: (request) => submit(options, request) },
    { method: 'GET', pattern: '/queue', handler: () => json(queueJson(core())) },
    { method: 'POST', pattern: '/queue', handler: (request) => changeQueue(core(), request) },
    { method: 'POST', pattern: '/interrupt', handler: (request) => interrupt(core(), request) },
    { method: 'POST', pattern: '/free', handler: (request) => free(core(), request) },
    { method: 'GET', pattern: '/history', handler: (request) => listHistory(core(), request) },
    { method: 'POST', pattern: '/history', handler: (request) => changeHistory(core(), request) },
    {
      method: 'GET',
      pattern: '/history/{id}',
      handler: ({ params }) => {
        const entry = core().history.get(params['id']!);
        return json(entry ? { [entry.item.promptId]: historyJson(entry) } : {});
      },
    },
  ];
}

async function submit(options: PromptRoutesOptions, request: EngineRequest): Promise<HttpAnswer> {
  const core = options.core();
  const body = await readJson(request);
  const number = queueNumber(core, body);
  if (!has(body, 'prompt')) {
    return json({ error: promptError('no_prompt', 'No prompt provided', 'No prompt provided'), node_errors: {} }, 400);
  }
  const fields = body as JsonObject;
  const promptId = Object.hasOwn(fields, 'prompt_id') ? pythonStr(fields['prompt_id']) : randomUUID();
  const validation = await validatePrompt(
    { nodes: options.nodes, profile: options.profile, checkContext: (id) => core.executor.checkContext(id) },
    fields['prompt']!,
    fields['partial_execution_targets'],
  );
  const extraData = withClientId(fields);
  if (!validation.isValid) {
    options.log.add(`invalid prompt: ${validation.error.type}: ${validation.error.message}`);
    return json({ error: validation.error, node_errors: validation.nodeErrors }, 400);
  }
  core.submit({
    number,
    promptId,
    prompt: validation.prompt,
    extraData: options.profile.keepsJobRecords ? asJobRecord(extraData, options.clock.now()) : extraData,
    outputs: options.orderOutputs(validation.outputs),
  });
  return json({ prompt_id: promptId, number, node_errors: validation.nodeErrors });
}

/** Python's `key in body`, which also works on lists and strings. */
function has(body: JsonValue, key: string): boolean {
  if (isJsonObject(body)) return Object.hasOwn(body, key);
  if (Array.isArray(body) || typeof body === 'string') return false;
  throw new PythonError('TypeError', `argument of type '${pythonTypeName(body)}' is not iterable`);
}

function queueNumber(core: EngineCore, body: JsonValue): number {
  if (has(body, 'number')) return pythonFloat((body as JsonObject)['number']);
  const number = core.nextNumber();
  return has(body, 'front') && pythonBool((body as JsonObject)['front']) ? -number : number;
}

function withClientId(fields: JsonObject): JsonValue {
  const extraData = Object.hasOwn(fields, 'extra_data') ? fields['extra_data']! : {};
  if (!Object.hasOwn(fields, 'client_id')) return extraData;
  return { ...asObject(extraData), client_id: fields['client_id']! };
}

function asJobRecord(extraData: JsonValue, now: number): JsonObject {
  return { ...withoutCredentials(asObject(extraData)), create_time: now };
}

/** Python fails to assign a key to anything else. */
function asObject(value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw new PythonError('TypeError', `'${pythonTypeName(value)}' object does not support item assignment`);
}

function queueJson(core: EngineCore): object {
  return {
    queue_running: core.queue.running.map(queueTuple),
    queue_pending: core.queue.pending.map(queueTuple),
  };
}

async function changeQueue(core: EngineCore, request: EngineRequest): Promise<HttpAnswer> {
  const body = await readJson(request);
  if (has(body, 'clear') && pythonBool((body as JsonObject)['clear'])) core.queue.clear();
  if (has(body, 'delete')) for (const id of iterate((body as JsonObject)['delete'])) core.queue.delete(id);
  return empty();
}

async function changeHistory(core: EngineCore, request: EngineRequest): Promise<HttpAnswer> {
  const body = await readJson(request);
  if (has(body, 'clear') && pythonBool((body as JsonObject)['clear'])) core.history.clear();
  if (has(body, 'delete')) for (const id of iterate((body as JsonObject)['delete'])) core.history.delete(id);
  return empty();
}

/** The ids in `delete`: a list; a string is taken letter by letter, as Python iterates it. */
function iterate(value: JsonValue | undefined): string[] {
  if (Array.isArray(value)) return value.filter((id) => typeof id === 'string');
  if (typeof value === 'string') return [...value];
  if (isJsonObject(value)) return Object.keys(value);
  throw new PythonError('TypeError', `'${pythonTypeName(value)}' object is not iterable`);
}

async function interrupt(core: EngineCore, request: EngineRequest): Promise<HttpAnswer> {
  const body = (await readBody(request)).toString('utf8');
  let fields: JsonValue = {};
  try {
    fields = readPythonJson(body);
  } catch {
    // No body, or none that can be read, interrupts whatever runs.
  }
  if (!isJsonObject(fields))
    throw new PythonError('AttributeError', `'${pythonTypeName(fields)}' object has no attribute 'get'`);
  const promptId = fields['prompt_id'];
  if (!pythonBool(promptId)) core.interrupt();
  else if (typeof promptId === 'string') core.interrupt(promptId);
  return empty();
}

async function free(core: EngineCore, request: EngineRequest): Promise<HttpAnswer> {
  const body = await readJson(request);
  if (!isJsonObject(body))
    throw new PythonError('AttributeError', `'${pythonTypeName(body)}' object has no attribute 'get'`);
  // Models are stand-ins here: unloading them needs nothing.
  if (pythonBool(body['free_memory'])) core.freeMemory();
  return empty();
}

function listHistory(core: EngineCore, { query }: EngineRequest): HttpAnswer {
  const whole = (name: string) => {
    const value = query.get(name);
    return value === null ? null : Number(pythonInt(value));
  };
  const entries = core.history.list(whole('max_items'), whole('offset'));
  return json(new Map(entries.map((entry) => [entry.item.promptId, historyJson(entry)])));
}
