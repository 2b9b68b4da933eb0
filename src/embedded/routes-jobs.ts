import type { JsonObject, JsonValue } from '../core/json.js';
import { isJsonObject } from '../core/json.js';
import type { EngineCore } from './core.js';
import type { HistoryEntry } from './history.js';
import { type HttpAnswer, json } from './http-answer.js';
import type { EngineRequest, Route } from './http-router.js';
import type { QueueItem } from './prompt-queue.js';
import { PythonError } from './python-errors.js';

/** `/api/jobs`, from 0.8 on (comfyui.md 1.6). Absent fields are left out. */
export function jobRoutes(core: () => EngineCore): Route[] {
  return [
    { method: 'GET', pattern: '/api/jobs', handler: ({ query }) => listJobs(core(), query) },
    { method: 'GET', pattern: '/api/jobs/{id}', handler: ({ params }) => oneJob(core(), params['id']!) },
  ];
}

const STATUSES = ['pending', 'in_progress', 'completed', 'failed'] as const;
type JobStatus = (typeof STATUSES)[number];

interface Job extends JsonObject {
  id: string;
  status: JobStatus;
  priority: number;
}

const MEDIA_KINDS = ['images', 'video', 'audio', '3d'];

function listJobs(core: EngineCore, query: EngineRequest['query']): HttpAnswer {
  const wanted =
    query
      .get('status')
      ?.split(',')
      .map((status) => status.trim().toLowerCase())
      .filter(Boolean) ?? STATUSES;
  const unknown = wanted.filter((status) => !STATUSES.includes(status as JobStatus));
  if (unknown.length > 0) {
    return badQuery(`Invalid status value(s): ${unknown.join(', ')}. Valid values: ${STATUSES.join(', ')}`);
  }
  const sortBy = query.get('sort_by')?.toLowerCase() ?? 'created_at';
  if (sortBy !== 'created_at' && sortBy !== 'execution_duration') {
    return badQuery('sort_by must be one of: created_at, execution_duration');
  }
  const sortOrder = query.get('sort_order')?.toLowerCase() ?? 'desc';
  if (sortOrder !== 'asc' && sortOrder !== 'desc') return badQuery('sort_order must be one of: asc, desc');
  const limit = wholeNumber(query.get('limit'));
  if (limit === undefined) return badQuery('limit must be an integer');
  if (limit !== null && limit <= 0) return badQuery('limit must be a positive integer');
  const givenOffset = wholeNumber(query.get('offset'));
  if (givenOffset === undefined) return badQuery('offset must be an integer');
  const offset = Math.max(0, givenOffset ?? 0);

  const workflowId = query.get('workflow_id');
  const jobs = allJobs(core)
    .filter((job) => wanted.includes(job.status))
    .filter((job) => workflowId === null || job['workflow_id'] === workflowId);
  const key = sortBy === 'created_at' ? createdAt : duration;
  const sign = sortOrder === 'asc' ? 1 : -1;
  jobs.sort((a, b) => sign * (key(a) - key(b)));
  const page = jobs.slice(offset, limit === null ? undefined : offset + limit);
  return json({
    jobs: page,
    pagination: { offset, limit, total: jobs.length, has_more: offset + page.length < jobs.length },
  });
}

function badQuery(error: string): HttpAnswer {
  return json({ error }, 400);
}

/** Null when absent, undefined when it is no integer. */
function wholeNumber(text: string | null): number | null | undefined {
  if (text === null || text === '') return null;
  return /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : undefined;
}

function createdAt(job: Job): number {
  return Number(job['create_time'] ?? 0);
}

/** Jobs that have not run yet come after the shortest run. */
function duration(job: Job): number {
  const { execution_end_time: end, execution_start_time: start } = job;
  return typeof end === 'number' && typeof start === 'number' ? end - start : -1;
}

function allJobs(core: EngineCore): Job[] {
  return [
    ...core.queue.running.map((item) => queuedJob(item, 'in_progress')),
    ...core.queue.pending.map((item) => queuedJob(item, 'pending')),
    ...core.history.list(null, null).map(finishedJob),
  ];
}

function oneJob(core: EngineCore, id: string): HttpAnswer {
  const entry = core.history.get(id);
  if (entry) {
    return json({
      ...finishedJob(entry),
      outputs: entry.outputs,
      execution_status: entry.status,
      workflow: { prompt: entry.item.prompt, extra_data: entry.item.extraData },
    });
  }
  const running = core.queue.running.find((item) => item.promptId === id);
  if (running) return json(queuedJob(running, 'in_progress'));
  const pending = core.queue.pending.find((item) => item.promptId === id);
  return pending ? json(queuedJob(pending, 'pending')) : json({ error: 'Job not found' }, 404);
}

function queuedJob(item: QueueItem, status: JobStatus): Job {
  return {
    id: item.promptId,
    status,
    priority: item.number,
    ...createTime(item),
    outputs_count: 0,
    ...workflowId(item),
  };
}

function finishedJob({ item, outputs, status }: HistoryEntry): Job {
  const messages = new Map(status.messages);
  const started = messages.get('execution_start')?.['timestamp'];
  const failure = messages.get('execution_error');
  const ended = (messages.get('execution_success') ?? failure ?? messages.get('execution_interrupted'))?.['timestamp'];
  const files = outputFiles(outputs);
  const preview = files.find((file) => file['type'] === 'output') ?? files[0];
  return {
    id: item.promptId,
    status: status.status_str === 'success' ? 'completed' : 'failed',
    priority: item.number,
    ...createTime(item),
    ...(started === undefined ? {} : { execution_start_time: started }),
    ...(ended === undefined ? {} : { execution_end_time: ended }),
    ...(failure === undefined ? {} : { execution_error: failure }),
    outputs_count: files.length,
    ...(preview === undefined ? {} : { preview_output: preview }),
    ...workflowId(item),
  };
}

function outputFiles(outputs: HistoryEntry['outputs']): JsonObject[] {
  return Object.entries(outputs).flatMap(([nodeId, ui]) =>
    Object.entries(ui)
      .filter(([kind]) => MEDIA_KINDS.includes(kind))
      .flatMap(([mediaType, items]) => items.filter(isJsonObject).map((file) => ({ ...file, nodeId, mediaType }))),
  );
}

function createTime(item: QueueItem): JsonObject {
  const time = isJsonObject(item.extraData) ? item.extraData['create_time'] : undefined;
  return time === undefined ? {} : { create_time: time };
}

/** `extra_pnginfo: null` makes the whole list fail, for as long as the entry is there: a quirk (comfyui.md 1.3). */
function workflowId(item: QueueItem): JsonObject {
  if (!isJsonObject(item.extraData)) return {};
  const pngInfo = member(item.extraData, 'extra_pnginfo');
  const workflow = pngInfo === undefined ? undefined : member(pngInfo, 'workflow');
  const id = workflow === undefined ? undefined : member(workflow, 'id');
  return typeof id === 'string' ? { workflow_id: id } : {};
}

function member(value: JsonValue, key: string): JsonValue | undefined {
  if (!isJsonObject(value)) throw new PythonError('AttributeError', "'NoneType' object has no attribute 'get'");
  return value[key];
}
