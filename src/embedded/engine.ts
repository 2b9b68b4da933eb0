import { mkdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { type Clock, sleep, systemClock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import { type Logger, silentLogger } from '../core/log.js';
import { controlRoutes } from './control.js';
import { EngineCore } from './core.js';
import { EngineLog } from './engine-log.js';
import { type FaultPlan, Faults } from './faults.js';
import { Router } from './http-router.js';
import { HttpServer } from './http-server.js';
import type { EngineFolders, NodeClass, RehearsalOptions } from './node.js';
import { type EngineProfile, type EngineVersion, engineProfile } from './profile.js';
import { infoRoutes } from './routes-info.js';
import { jobRoutes } from './routes-jobs.js';
import { promptRoutes } from './routes-prompt.js';
import { uploadRoutes } from './routes-upload.js';
import { userRoutes } from './routes-user.js';
import { viewRoutes } from './routes-view.js';

export interface EmbeddedEngineOptions {
  /** Node classes; the name in the definition is the class name. The last of two equal names wins. */
  readonly nodes: Iterable<NodeClass> | ReadonlyMap<string, NodeClass>;
  /** Absolute folder that gets `input`, `output`, `temp` and `user`; or say each of them in `folders`. */
  readonly dataDir?: string;
  readonly folders?: EngineFolders & { readonly user?: string };
  /** Which ComfyUI release to play; default 0.8.0. */
  readonly version?: EngineVersion;
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port?: number;
  readonly rehearsal?: Partial<RehearsalOptions>;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Largest body of any request in bytes. */
  readonly maxUploadBytes?: number;
  /** `Access-Control-Allow-Origin` for browsers; null checks origins instead. */
  readonly corsOrigin?: string | null;
  readonly faults?: FaultPlan;
  /**
   * The order in which the output nodes of a prompt are taken up; as in the prompt when absent. A real server takes them
   * from a hash set, in an order that nobody can foresee.
   */
  readonly orderOutputs?: (outputs: readonly string[]) => readonly string[];
  /** Adds the control route `/easel/faults`. Never on an engine that others than its tests can reach. */
  readonly control?: boolean;
}

const DEFAULT_MAX_UPLOAD_BYTES = 100 * 1024 * 1024;
/** How long the end of a life waits for the node that runs, in real time. */
const MAX_WAIT_FOR_NODE_MS = 1_000;
const DEFAULT_REHEARSAL: RehearsalOptions = {
  stepMs: 30,
  loadMs: 100,
  previewSize: 256,
  models: 'any',
  standInImages: false,
};

/**
 * A small ComfyUI: the same HTTP and websocket protocol, run by the node classes it is given.
 *
 *   created -> started <-> restarting -> closed
 *
 * A start wipes the temp folder, as a real server does. A restart loses everything that is only in memory.
 */
export class EmbeddedEngine {
  readonly folders: EngineFolders;
  /** Faults on purpose; change them at any time. */
  readonly faults: Faults;
  readonly #nodes: ReadonlyMap<string, NodeClass>;
  readonly #profile: EngineProfile;
  readonly #rehearsal: RehearsalOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #log: EngineLog;
  readonly #maxUploadBytes: number;
  readonly #host: string;
  readonly #http: HttpServer;
  #port: number;
  #core: EngineCore;
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: EmbeddedEngineOptions) {
    const folders = foldersOf(options);
    this.folders = folders;
    this.#nodes = nodeMap(options.nodes);
    this.#profile = engineProfile(options.version ?? '0.8.0');
    this.#rehearsal = { ...DEFAULT_REHEARSAL, ...options.rehearsal };
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#log = new EngineLog(this.#clock);
    this.#maxUploadBytes = options.maxUploadBytes ?? DEFAULT_MAX_UPLOAD_BYTES;
    this.#host = options.host ?? '127.0.0.1';
    this.#port = options.port ?? 0;
    this.faults = new Faults({ clock: this.#clock, dropSockets: () => this.dropSockets() }, options.faults);
    this.#core = this.#newCore();
    this.#http = this.#newHttp(options, folders.user);
  }

  /** `http://host:port`, without a slash at the end. Only once started. */
  get url(): string {
    const host = this.#host.includes(':') ? `[${this.#host}]` : this.#host;
    return `http://${host}:${this.#port}`;
  }

  /** Prompts that are pending or running, history entries and open sockets: what may leak. */
  get counts(): { readonly queued: number; readonly history: number; readonly sockets: number } {
    const { history, queue, sockets } = this.#core;
    return { queued: queue.remaining, history: history.size, sockets: sockets.openCount };
  }

  async start(): Promise<{ readonly url: string }> {
    await this.#prepareFolders();
    await this.#listen();
    this.#work = this.#core.work();
    return { url: this.url };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#endLife();
  }

  /**
   * Stops as a crash does and comes back on the same port after `downMs`: queue, history, counter, sockets, cache and
   * temp files are gone, input and output files and user data stay (comfyui.md 3, "Restart").
   */
  async restart(options: { readonly downMs?: number } = {}): Promise<void> {
    await this.#endLife();
    if (options.downMs) await this.faults.wait(options.downMs);
    await this.#prepareFolders();
    if (this.#isClosed) return;
    this.#core = this.#newCore();
    await this.#listen();
    this.#work = this.#core.work();
  }

  /** Cuts all websockets without a closing handshake. */
  dropSockets(): void {
    this.#core.sockets.terminateAll();
  }

  /** Makes a prompt vanish as if somebody else had deleted it. False when it is neither pending nor running. */
  losePrompt(promptId: string): boolean {
    return this.#core.lose(promptId);
  }

  async #endLife(): Promise<void> {
    this.#core.kill();
    this.faults.release();
    await this.#http.close();
    // A node that does not listen to its signal may go on; nothing that it says is heard any more.
    const patience = new AbortController();
    await Promise.race([this.#work, sleep(systemClock, MAX_WAIT_FOR_NODE_MS, patience.signal).catch(() => {})]);
    patience.abort();
  }

  async #listen(): Promise<void> {
    const address: AddressInfo = await this.#http.listen(this.#host, this.#port);
    this.#port = address.port;
    this.#logger.info({ url: this.url, version: this.#profile.version }, 'embedded engine is listening');
  }

  async #prepareFolders(): Promise<void> {
    await rm(this.folders.temp, { recursive: true, force: true });
    for (const folder of Object.values(this.folders)) await mkdir(folder, { recursive: true });
  }

  #newCore(): EngineCore {
    return new EngineCore({
      nodes: this.#nodes,
      profile: this.#profile,
      folders: this.folders,
      rehearsal: this.#rehearsal,
      clock: this.#clock,
      faults: this.faults,
      maxUploadBytes: this.#maxUploadBytes,
      logger: this.#logger,
      log: this.#log,
    });
  }

  #newHttp(options: EmbeddedEngineOptions, userFolder: string): HttpServer {
    const core = () => this.#core;
    const shared = { core, nodes: this.#nodes, profile: this.#profile, log: this.#log };
    const router = new Router([
      ...promptRoutes({ ...shared, clock: this.#clock, orderOutputs: options.orderOutputs ?? ((outputs) => outputs) }),
      ...infoRoutes({ ...shared, folders: this.folders, rehearsal: this.#rehearsal }),
      ...viewRoutes(this.folders),
      ...uploadRoutes(this.folders),
      ...userRoutes(userFolder),
      ...(this.#profile.hasJobs ? jobRoutes(core) : []),
      ...(options.control ? controlRoutes(this) : []),
    ]);
    return new HttpServer({
      router,
      faults: this.faults,
      logger: this.#logger,
      maxBodyBytes: this.#maxUploadBytes,
      corsOrigin: options.corsOrigin ?? null,
      corsMethods: this.#profile.corsMethods,
      onUpgrade: (request, socket, head, query) =>
        this.#core.sockets.accept(request, socket, head, query.get('clientId')),
    });
  }
}

function foldersOf({ dataDir, folders }: EmbeddedEngineOptions): EngineFolders & { readonly user: string } {
  if (folders) {
    const user = resolve(folders.user ?? join(dirname(folders.output), 'user'));
    return { input: resolve(folders.input), output: resolve(folders.output), temp: resolve(folders.temp), user };
  }
  if (dataDir === undefined)
    throw new EaselError('config_invalid', 'The embedded engine needs `dataDir` or `folders`.');
  const base = resolve(dataDir);
  return {
    input: join(base, 'input'),
    output: join(base, 'output'),
    temp: join(base, 'temp'),
    user: join(base, 'user'),
  };
}

function nodeMap(nodes: EmbeddedEngineOptions['nodes']): ReadonlyMap<string, NodeClass> {
  if (nodes instanceof Map) return nodes as ReadonlyMap<string, NodeClass>;
  return new Map(Array.from(nodes as Iterable<NodeClass>, (node) => [node.definition.name, node]));
}
