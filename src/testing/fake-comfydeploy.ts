import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { parseLossless, stringifyLossless } from '../core/json.js';
import { EmbeddedEngine, type EmbeddedEngineOptions, multipartBoundary, multipartParts } from '../embedded/index.js';
import type { Graph } from '../graph/types.js';
import { describeDeployment, type FakeDeployment } from './comfydeploy-deployments.js';
import { type ComfyDeployFaults, FaultBook } from './comfydeploy-faults.js';
import { FakeStorage } from './comfydeploy-files.js';
import { EngineMachine } from './comfydeploy-machine.js';
import { type FakeMachine, type FakeRun, FakeRuns } from './comfydeploy-runs.js';

/**
 * A ComfyDeploy written from the protocol (comfydeploy.md): runs by deployment id, runs, outputs, cancel, uploads, lists,
 * webhooks, its oddities, and faults on request. Both generations of the API are served under `url`. What a run makes comes
 * from a function, or from the embedded engine.
 */
export interface FakeComfyDeployOptions {
  readonly apiKey?: string;
  /** Runs at a time; others wait. */
  readonly concurrency?: number;
  /** What runs do. */
  readonly machine?: FakeMachine;
  /** Instead of `machine`: the engine, with these node classes and in this folder. */
  readonly engine?: Pick<EmbeddedEngineOptions, 'nodes' | 'dataDir' | 'rehearsal'> & {
    /** Literal seeds are drawn anew, as the plugin does; on unless told. */
    readonly randomisesSeeds?: boolean;
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export class FakeComfyDeploy {
  readonly apiKey: string;
  readonly faultBook = new FaultBook();
  readonly storage = new FakeStorage(() => this.#origin);
  readonly runs: FakeRuns;
  /** Requests by route, as they came. */
  readonly requests: string[] = [];
  readonly #deployments = new Map<string, FakeDeployment>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #engineOptions: FakeComfyDeployOptions['engine'];
  #engine: EmbeddedEngine | null = null;
  #machine: EngineMachine | null = null;
  #origin = '';

  constructor(options: FakeComfyDeployOptions = {}) {
    this.apiKey = options.apiKey ?? 'test-key';
    this.#engineOptions = options.engine;
    this.runs = new FakeRuns({
      machine: options.machine ?? (async (job) => this.#machine?.run(job) ?? []),
      concurrency: options.concurrency ?? 1,
      faults: this.faultBook,
      describeOutputs: (run) => this.storage.describe(run),
    });
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** The base URL for clients. Listens on a free port of 127.0.0.1. */
  async start(port = 0): Promise<{ readonly url: string }> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    this.#origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    if (this.#engineOptions !== undefined) await this.#startEngine(this.#engineOptions);
    return { url: this.url };
  }

  get url(): string {
    return `${this.#origin}/api`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Changes the given faults and leaves the others. */
  setFaults(changes: ComfyDeployFaults): void {
    this.faultBook.set(changes);
  }

  deploy(graph: Graph, options: { readonly name?: string; readonly isFluid?: boolean } = {}): FakeDeployment {
    const deployment: FakeDeployment = {
      id: randomUUID(),
      name: options.name ?? 'workflow',
      graph,
      versionId: randomUUID(),
      isFluid: options.isFluid ?? false,
    };
    this.#deployments.set(deployment.id, deployment);
    return deployment;
  }

  async close(): Promise<void> {
    await this.runs.close();
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#machine?.close();
    await this.#engine?.close();
  }

  async #startEngine(options: NonNullable<FakeComfyDeployOptions['engine']>): Promise<void> {
    const { randomisesSeeds, ...engineOptions } = options;
    this.#engine = new EmbeddedEngine(engineOptions);
    const { url } = await this.#engine.start();
    this.#machine = new EngineMachine({
      engine: this.#engine,
      url,
      graphOf: (id) => this.#deployments.get(id)?.graph,
      fileAt: (fileUrl) => this.storage.at(fileUrl),
      ...(randomisesSeeds === undefined ? {} : { randomisesSeeds }),
    });
    await this.#machine.start();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', this.#origin);
      if (url.pathname.startsWith('/files/')) return await this.#file(request, response, url);
      const path = url.pathname.replace(/^\/api(?=\/)/, '');
      const route = routeOf(request.method ?? 'GET', path);
      this.requests.push(route);
      const body = await buffer(request);
      const latencyMs = this.faultBook.latencyMs(route);
      if (latencyMs > 0) await wait(latencyMs);
      if (this.faultBook.isSilent(route)) return;
      const fault = this.faultBook.errorOf(route);
      if (fault !== null) {
        const headers = fault.retryAfterS === undefined ? {} : { 'retry-after': String(fault.retryAfterS) };
        return send(response, { status: fault.status, body: fault.text ?? detail('A fault on purpose'), headers });
      }
      if (request.headers.authorization !== `Bearer ${this.apiKey}`)
        return send(response, { status: 401, body: detail('Invalid or expired token') });
      const answer = await this.#route(route, path, url, request, body);
      if (answer === 'cut') request.socket.destroy();
      else send(response, answer);
    } catch (error) {
      if (!response.headersSent) send(response, { status: 500, body: String(error) });
    }
  }

  async #route(route: string, path: string, url: URL, request: IncomingMessage, body: Buffer): Promise<Answer | 'cut'> {
    const id = path.split('/')[2] ?? '';
    switch (route) {
      case 'POST /run':
      case 'POST /run/queue':
      case 'POST /run/deployment/queue':
      case 'POST /run/deployment/sync':
        return this.#startRun(body, route.endsWith('sync'));
      case 'GET /run':
        return this.#showRun(url.searchParams.get('run_id') ?? '', url);
      case 'GET /run/{id}':
        return this.#showRun(id, url);
      case 'POST /run/{id}/cancel':
        return this.#cancelRun(id);
      case 'GET /deployment/{id}/runs':
        if (this.faultBook.plan.withoutRunList) return { status: 404, body: detail('Not Found') };
        return { status: 200, body: this.#rowsOf(id) };
      case 'GET /deployments':
        return { status: 200, body: this.#listDeployments(url) };
      case 'GET /deployment/{id}': {
        const deployment = this.#deployments.get(id);
        return deployment === undefined
          ? { status: 404, body: detail('Deployment not found') }
          : { status: 200, body: describeDeployment(deployment) };
      }
      case 'GET /workflow-version/{id}': {
        const deployment = [...this.#deployments.values()].find((one) => one.versionId === id);
        return deployment === undefined
          ? { status: 404, body: detail('Workflow version not found') }
          : { status: 200, body: { id, version: 1, workflow: null, workflow_api: deployment.graph } };
      }
      case 'POST /file/upload':
        return this.#upload(request, body);
      case 'GET /upload-url':
        return this.#presign(url);
      default:
        return { status: 404, body: detail('Not Found') };
    }
  }

  async #startRun(body: Buffer, isSync: boolean): Promise<Answer | 'cut'> {
    const parsed = parseLossless(body.toString('utf8')) as Record<string, unknown>;
    const inputs = (parsed['inputs'] ?? {}) as Record<string, unknown>;
    const wrong = Object.entries(inputs).find(([, value]) => !isInputValue(value));
    if (wrong !== undefined)
      return {
        status: 422,
        body: {
          detail: [
            {
              type: 'string_type',
              loc: ['body', 'inputs', wrong[0]],
              msg: 'Input should be a valid string',
              input: null,
            },
          ],
        },
      };
    const deployment = this.#deployments.get(String(parsed['deployment_id']));
    if (deployment === undefined) return { status: 404, body: detail('Deployment not found') };
    const webhook = typeof parsed['webhook'] === 'string' ? parsed['webhook'] : null;
    const run = this.runs.create(deployment.id, inputs, webhook);
    const { plan } = this.faultBook;
    if (this.faultBook.use(plan.failedHandOvers)) {
      this.runs.move(run, 'failed');
      return { status: 500, body: detail('Error creating run: the machine did not answer') };
    }
    if (plan.webhooks === 'early') await this.runs.report(run, 'queued');
    const ended = isSync ? this.#ended(run) : null;
    this.runs.enqueue(run);
    if (this.faultBook.use(plan.dropAcceptedSubmits)) return 'cut';
    if (ended === null) return { status: 200, body: { run_id: run.id } };
    await ended;
    // Whatever the result was: no status and no run id.
    return { status: 200, body: this.storage.describe(run).reverse() };
  }

  async #ended(run: FakeRun): Promise<void> {
    while (run.endedAt === null) await wait(5);
  }

  #showRun(id: string, url: URL): Answer {
    if (!/^[0-9a-f-]{36}$/.test(id))
      return {
        status: 422,
        body: { detail: [{ type: 'uuid_parsing', loc: ['path', 'run_id'], msg: 'Input should be a valid UUID' }] },
      };
    const run = this.runs.get(id);
    if (run === undefined) return { status: 404, body: detail('Run not found') };
    const position = url.searchParams.get('queue_position') === 'true' ? this.runs.position(run) : null;
    return {
      status: 200,
      body: {
        ...this.#row(run),
        live_status: run.liveStatus,
        queue_position: position,
        outputs: this.storage.describe(run),
      },
    };
  }

  #row(run: FakeRun): Record<string, unknown> {
    const { id, inputs, webhook, status, createdAt, queuedAt, startedAt, endedAt, progress } = run;
    const runDuration = startedAt === null || endedAt === null ? null : (endedAt - startedAt) / 1000;
    return {
      id,
      workflow_id: randomUUID(),
      workflow_inputs: inputs,
      origin: 'api',
      status,
      webhook,
      progress,
      created_at: isoTime(createdAt),
      updated_at: isoTime(endedAt ?? startedAt ?? createdAt),
      queued_at: isoTime(queuedAt),
      started_at: isoTime(startedAt),
      ended_at: isoTime(endedAt),
      run_duration: runDuration,
      machine_type: 'comfy-deploy-serverless',
      gpu: 'A10G',
    };
  }

  #rowsOf(deploymentId: string): object[] {
    return this.runs
      .all()
      .filter((run) => run.deploymentId === deploymentId)
      .reverse()
      .map((run) => this.#row(run));
  }

  #cancelRun(id: string): Answer {
    const run = this.runs.get(id);
    if (run === undefined || this.faultBook.plan.refusesCancel)
      return { status: 500, body: detail(`Error cancel function ${id}`) };
    this.runs.cancel(run);
    return { status: 200, body: { status: 'success', message: 'Function cancelled' } };
  }

  #listDeployments(url: URL): object[] {
    const isFluid = url.searchParams.get('is_fluid') === 'true';
    const all = [...this.#deployments.values()].filter((deployment) => deployment.isFluid === isFluid);
    const size = Number(url.searchParams.get('page_size') ?? all.length);
    return all.slice(0, size).map(describeDeployment);
  }

  async #upload(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const boundary = multipartBoundary(request.headers['content-type']) ?? '';
    for await (const { fileName, data } of multipartParts(Readable.from([body]), boundary)) {
      if (fileName === undefined) continue;
      if (/\.(txt|csv|md|html)$/i.test(fileName)) return { status: 400, body: detail('Unsupported file type') };
      return { status: 200, body: this.storage.putInput(fileName, await buffer(data)) };
    }
    return { status: 422, body: detail('The file is missing.') };
  }

  #presign(url: URL): Answer {
    const type = url.searchParams.get('type') ?? '';
    const path = `/files/inputs/img_${randomUUID()}.${type.split('/')[1]}`;
    const link = `${this.#origin}${path}`;
    return { status: 200, body: { upload_url: `${link}?X-Amz-Signature=put`, file_id: path, download_url: link } };
  }

  async #file(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    this.requests.push(`${request.method} /files`);
    if (request.headers.authorization !== undefined) return send(response, { status: 400, body: 'A key came along.' });
    if (request.method === 'PUT') {
      // As object stores do: a body in chunks is refused.
      if (request.headers['content-length'] === undefined) return send(response, { status: 411, body: '' });
      this.storage.put(url.pathname, await buffer(request), request.headers['content-type'] ?? '');
      return send(response, { status: 200, body: '' });
    }
    if (this.faultBook.isSilent('GET /files')) return;
    const file = this.storage.open(url.pathname, url.searchParams.get('X-Amz-Signature'));
    if (file === null) return send(response, { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' });
    response.writeHead(200, { 'content-type': file.contentType, 'content-length': file.bytes.length });
    const cut = this.faultBook.plan.cutFiles;
    if (cut === undefined || !this.faultBook.use(cut)) return void response.end(file.bytes);
    response.write(file.bytes.subarray(0, cut.afterBytes), () => setImmediate(() => response.destroy()));
  }
}

/** `GET /run/1234` as `GET /run/{id}`. */
function routeOf(method: string, path: string): string {
  const [, first = '', second, third] = path.split('/');
  const isWord = second === undefined || /^(queue|sync|deployment|upload)$/.test(second);
  return `${method} /${[first, isWord ? second : '{id}', third].filter((part) => part !== undefined).join('/')}`;
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
  response.end(isText ? body : stringifyLossless(body));
}

function detail(text: string): object {
  return { detail: text };
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function isInputValue(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => !Array.isArray(item) && isInputValue(item));
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}
