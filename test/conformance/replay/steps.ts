import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import type { ComfyUiHttp } from '../../../src/comfyui/index.js';
import { type EaselError, toEaselError } from '../../../src/core/errors.js';
import { same } from './checks.js';
import { answerJson, isRecord, type RecordedAnswer, type RecordedRequest } from './recording.js';

/**
 * From a recorded request to the call of the client that amounts to it, and from the recorded answer to what that call
 * must return. Requests that this client cannot make (a malformed body, a wrong method, a route that it has no use for)
 * are `not-sent`, with the reason.
 */
export type Step =
  | {
      readonly kind: 'call';
      readonly method: string;
      readonly pathname: string;
      /** What was wrong; empty when the client did as it should. */
      readonly run: () => Promise<readonly string[]>;
    }
  | { readonly kind: 'not-sent'; readonly why: string };

const notSent = (why: string): Step => ({ kind: 'not-sent', why });

export function httpStep(request: RecordedRequest, answer: RecordedAnswer, http: ComfyUiHttp): Step {
  const url = new URL(request.path, 'http://localhost');
  const pathname = url.pathname.startsWith('/api/jobs') ? url.pathname : url.pathname.replace(/^\/api\//, '/');
  const headers = Object.keys(request.headers ?? {}).map((name) => name.toLowerCase());
  if (headers.some((name) => name !== 'range' && name !== 'content-type'))
    return notSent('the client does not send this header');
  const call = (run: () => Promise<readonly string[]>): Step => ({
    kind: 'call',
    method: request.method,
    pathname,
    run,
  });
  if (request.method === 'GET') return getStep(pathname, url.searchParams, request, answer, http, call);
  if (request.method === 'POST') return postStep(pathname, request, answer, http, call);
  return notSent('the client does not use this method');
}

type Call = (run: () => Promise<readonly string[]>) => Step;

function getStep(
  pathname: string,
  query: URLSearchParams,
  request: RecordedRequest,
  answer: RecordedAnswer,
  http: ComfyUiHttp,
  call: Call,
): Step {
  const json = answerJson(answer);
  const [, head = '', rest] = /^\/([^/]+)(?:\/(.+))?$/.exec(pathname) ?? [];
  const name = rest === undefined ? undefined : decodeURIComponent(rest);
  switch (head) {
    case 'prompt':
      return call(async () =>
        same('queue_remaining', { exec_info: { queue_remaining: await http.queueRemaining() } }, json),
      );
    case 'queue':
      return call(async () => checkQueue(await http.queue(), json));
    case 'history':
      if (name !== undefined)
        return call(async () =>
          same('entry', (await http.historyEntry(name)) === null, Object.keys(json as object).length === 0),
        );
      return call(async () => same('ids', Object.keys(await http.history()), Object.keys(json as object)));
    case 'view':
      return query.get('filename') ? call(() => checkView(http, query, request, answer)) : notSent('no file name');
    case 'features':
      return call(async () =>
        same('upload limit', (await http.features())?.max_upload_size, field(json, 'max_upload_size')),
      );
    case 'embeddings':
      return call(async () => same('embeddings', await http.embeddings(), json));
    case 'extensions':
      return call(async () => same('extensions', await http.extensions(), json));
    case 'models':
      return call(async () =>
        name === undefined
          ? same('folders', await http.models(), json)
          : same('files', await http.modelsIn(name), answer.status === 404 ? null : json),
      );
    case 'object_info':
      return call(async () =>
        same(
          'classes',
          Object.keys(await (name === undefined ? http.objectInfo() : http.objectInfoOf(name))),
          Object.keys(json as object),
        ),
      );
    case 'system_stats':
      return call(async () =>
        same(
          'version',
          (await http.systemStats()).system.comfyui_version,
          field(field(json, 'system'), 'comfyui_version'),
        ),
      );
    case 'userdata':
      return name === undefined && query.has('dir')
        ? call(async () =>
            same('user files', await http.userFiles(query.get('dir') ?? ''), answer.status === 404 ? null : json),
          )
        : notSent('not a listing');
    case 'view_metadata':
      return call(async () =>
        same(
          'metadata',
          await http.modelMetadata(name ?? '', query.get('filename') ?? ''),
          answer.status === 404 ? null : json,
        ),
      );
    case 'api':
      return pathname === '/api/jobs' ? jobsStep(query, answer, http, call) : jobStep(pathname, answer, http, call);
    default:
      return notSent('the client does not use this route');
  }
}

function postStep(
  pathname: string,
  request: RecordedRequest,
  answer: RecordedAnswer,
  http: ComfyUiHttp,
  call: Call,
): Step {
  const { body } = request;
  const fields = isRecord(body) ? body : null;
  const done = (work: () => Promise<void>) => call(async () => same('status', await statusOf(work), answer.status));
  switch (pathname) {
    case '/queue':
      if (fields?.['clear'] === true) return done(() => http.clearQueue());
      if (isStrings(fields?.['delete'])) return done(() => http.deleteFromQueue(fields['delete'] as string[]));
      return notSent('a body that the client never sends');
    case '/interrupt':
      if (typeof fields?.['prompt_id'] === 'string') return done(() => http.interrupt(fields['prompt_id'] as string));
      if (body === '' || isDeepStrictEqual(body, {})) return done(() => http.interruptCurrent());
      return notSent('a body that the client never sends');
    case '/history':
      if (fields?.['clear'] === true) return done(() => http.clearHistory());
      if (isStrings(fields?.['delete'])) return done(() => http.deleteHistory(fields['delete'] as string[]));
      return notSent('a body that the client never sends');
    case '/free':
      if (fields === null) return notSent('a body that the client never sends');
      return done(() =>
        http.free({ unloadModels: fields['unload_models'] === true, freeMemory: fields['free_memory'] === true }),
      );
    case '/upload/image':
    case '/upload/mask':
      return uploadStep(pathname, body, answer, http, call);
    default:
      return notSent('the client does not use this route');
  }
}

async function checkView(
  http: ComfyUiHttp,
  query: URLSearchParams,
  request: RecordedRequest,
  answer: RecordedAnswer,
): Promise<readonly string[]> {
  const range = /bytes=(\d+)-(\d+)/.exec(request.headers?.['Range'] ?? '');
  const preview = query.get('preview');
  const channel = query.get('channel');
  const status = answer.status;
  try {
    const file = await http.view({
      filename: query.get('filename') ?? '',
      subfolder: query.get('subfolder') ?? '',
      // An unknown type is a recorded request too; the client's own types do not allow it.
      type: (query.get('type') ?? 'output') as 'output',
      ...(preview === null ? {} : { preview }),
      ...(channel === null ? {} : { channel: channel as 'rgb' }),
      ...(range === null ? {} : { range: { start: Number(range[1]), end: Number(range[2]) } }),
    });
    if (file === null) return same('absent', [400, 403, 404].includes(status), true);
    let bytes = 0;
    for await (const chunk of file.stream as AsyncIterable<Buffer>) bytes += chunk.length;
    const length = answer.length ?? Number(answer.headers['content-length']);
    return [
      ...same('bytes', bytes, length),
      ...same('partial', file.partial, status === 206),
      ...same('content type', file.contentType, (answer.headers['content-type'] ?? '').split(';')[0]),
    ];
  } catch (error) {
    return same('failed', status >= 500, true).map((fault) => `${fault}: ${String(error)}`);
  }
}

function uploadStep(pathname: string, body: unknown, answer: RecordedAnswer, http: ComfyUiHttp, call: Call): Step {
  if (typeof body === 'string' && body.startsWith('<'))
    return call(async () => {
      const outcome = await upload(http, pathname, { filename: 'large.png', bytes: 1_500_000, fields: {} });
      return same('code', (outcome as EaselError).code, 'payload_too_large');
    });
  const parts = Array.isArray(body) ? (body as { name: string; filename?: string; data: string }[]) : [];
  const file = parts.find((part) => part.name === 'image');
  const fields = Object.fromEntries(parts.filter((part) => part !== file).map((part) => [part.name, part.data]));
  if (file?.filename === undefined) return notSent('an upload without a file');
  if (!['input', 'temp', 'output', undefined].includes(fields['type'])) return notSent('a type that does not exist');
  if (pathname === '/upload/mask' && fields['original_ref'] === undefined) return notSent('a mask without original');
  const { filename } = file;
  const bytes = Number(/<(\d+) bytes>/.exec(file.data)?.[1]);
  return call(async () => {
    const outcome = await upload(http, pathname, { filename, bytes, fields });
    if (!(outcome instanceof Error)) return same('stored', pick(outcome), pick(answerJson(answer)));
    // Names outside the safe alphabet are refused here, whatever a server would make of them.
    const refusedHere = outcome.code === 'request_invalid';
    return same('refused', refusedHere || answer.status >= 400, true);
  });
}

async function upload(
  http: ComfyUiHttp,
  pathname: string,
  file: { readonly filename: string; readonly bytes: number; readonly fields: Readonly<Record<string, string>> },
) {
  const { fields } = file;
  try {
    const request = {
      filename: file.filename,
      contentType: 'image/png',
      bytes: file.bytes,
      stream: Readable.from([Buffer.alloc(file.bytes)]),
      overwrite: fields['overwrite'] === 'true' || fields['overwrite'] === '1',
      ...(fields['subfolder'] === undefined ? {} : { subfolder: fields['subfolder'] }),
      ...(fields['type'] === undefined ? {} : { type: fields['type'] as 'temp' }),
    };
    if (pathname === '/upload/image') return await http.uploadImage(request);
    const original = JSON.parse(fields['original_ref'] ?? '{}');
    return await http.uploadMask(request, { name: original.filename, ...original });
  } catch (thrown) {
    return toEaselError(thrown);
  }
}

function jobsStep(query: URLSearchParams, answer: RecordedAnswer, http: ComfyUiHttp, call: Call): Step {
  const number = (name: string) => (query.has(name) ? { [name]: Number(query.get(name)) } : {});
  if (query.get('limit') === 'x') return notSent('a limit that is no number');
  return call(async () => {
    try {
      const jobs = await http.jobs({
        ...number('limit'),
        ...number('offset'),
        ...(query.has('status') ? { status: query.get('status')?.split(',') ?? [] } : {}),
        ...(query.has('workflow_id') ? { workflowId: query.get('workflow_id') ?? '' } : {}),
        ...(query.has('sort_order') ? { sortOrder: query.get('sort_order') as 'asc' } : {}),
        ...(query.has('sort_by') ? { sortBy: query.get('sort_by') as 'created_at' } : {}),
      });
      if (jobs === null) return same('no jobs route', answer.status, 404);
      const recorded = field(answerJson(answer), 'jobs') as { id: string; status: string }[];
      return same(
        'jobs',
        jobs.jobs.map((job) => [job.id, job.status]),
        recorded.map((job) => [job.id, job.status]),
      );
    } catch (thrown) {
      return same('failed', answer.status >= 400, true).map((fault) => `${fault}: ${String(thrown)}`);
    }
  });
}

function jobStep(pathname: string, answer: RecordedAnswer, http: ComfyUiHttp, call: Call): Step {
  return call(async () => {
    try {
      const job = await http.job(decodeURIComponent(pathname.replace('/api/jobs/', '')));
      return same('job', job?.status, answer.status === 404 ? undefined : field(answerJson(answer), 'status'));
    } catch (thrown) {
      return same('failed', answer.status >= 500, true).map((fault) => `${fault}: ${String(thrown)}`);
    }
  });
}

function checkQueue(queue: Awaited<ReturnType<ComfyUiHttp['queue']>>, json: unknown): readonly string[] {
  const items = (key: string) => field(json, key) as [number, string][];
  const inOrder = [...items('queue_pending')].sort(
    ([aNumber, aId], [bNumber, bId]) => aNumber - bNumber || (aId < bId ? -1 : 1),
  );
  return [
    ...same(
      'running',
      queue.running.map((item) => item.promptId),
      items('queue_running').map(([, id]) => id),
    ),
    ...same(
      'pending',
      queue.pending.map((item) => item.promptId),
      inOrder.map(([, id]) => id),
    ),
  ];
}

/** 200, or the status that the error of the client tells. */
async function statusOf(work: () => Promise<void>): Promise<unknown> {
  try {
    await work();
    return 200;
  } catch (thrown) {
    return toEaselError(thrown).details?.['status'] ?? thrown;
  }
}

function pick(stored: unknown): unknown {
  return isRecord(stored) ? [stored['name'], stored['subfolder'], stored['type']] : stored;
}

function field(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
