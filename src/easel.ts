import { join } from 'node:path';
import { Keys, ownedKeys } from './access/index.js';
import {
  type Backend,
  ComfyDeployBackend,
  ComfyUiBackend,
  definitionsOf,
  EmbeddedBackend,
  type FetchLike,
} from './backends/index.js';
import { ComfyDeployClient } from './comfydeploy/index.js';
import { type BackendConfig, backendCatalogue, type Config } from './config/index.js';
import { type Clock, systemClock } from './core/clock.js';
import { newId } from './core/ids.js';
import type { Logger } from './core/log.js';
import { definedOnly } from './core/objects.js';
import { PeriodicSweep } from './core/periodic.js';
import { type Db, migrate, openDatabase } from './db/index.js';
import {
  Backends,
  type Billing,
  type ClaimPolicy,
  ComfyUiService,
  dispatchOptions,
  dispatchTraits,
  Generations,
  generationJson,
  ownedGenerations,
  type Probe,
  processIdentity,
  RunReports,
  removeGenerations,
  WaitingRoom,
  type WorkflowRequest,
  type WorkflowSubmission,
  WorkflowSubmitter,
} from './generations/index.js';
import { createLogger } from './logger.js';
import { Media, mediaPlaces, ownedFiles } from './media/index.js';
import { OutboundClient } from './outbound/index.js';
import { OwnedPoints, type Perks, Points } from './points/index.js';
import { Sessions } from './sessions/index.js';
import { Metrics, Tracing } from './telemetry/index.js';
import { guardedSender, Webhooks } from './webhooks/index.js';
import {
  ComfyDeploySource,
  FolderSource,
  MongoSource,
  removeSeeds,
  Sources,
  type WorkflowSource,
  Workflows,
} from './workflows/index.js';

/** What an embedder or a test replaces; everything else comes from the configuration. */
export interface EaselOverrides {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** 0 to 1, exclusive; for jitter. */
  readonly random?: () => number;
  /** Instead of the configured ones. Started and closed by Easel. */
  readonly backends?: readonly Backend[];
  /** Instead of the one that `points.enabled` chooses. */
  readonly billing?: Billing;
  readonly policy?: ClaimPolicy;
  readonly probe?: Probe;
}

/**
 * The composition root: every service built from one configuration, and nothing started yet. Reading and submitting work
 * without `start`; a process that only submits leaves the running to others on the same database.
 *
 * Throws `database_unavailable`, `database_schema`.
 */
export async function createEasel(config: Config, overrides: EaselOverrides = {}): Promise<Easel> {
  const clock = overrides.clock ?? systemClock;
  const logger = overrides.logger ?? createLogger(config);
  const db = await openDatabase({
    url: config.databaseUrl,
    logger,
    clock,
    poolSize: config.databasePoolSize,
    ...(overrides.random === undefined ? {} : { random: overrides.random }),
  });
  try {
    await migrate(db);
    return new Easel(config, overrides, { clock, logger, db });
  } catch (error) {
    await db.close();
    throw error;
  }
}

export class Easel {
  readonly config: Config;
  readonly db: Db;
  /** Files of accounts; `media.store` has the bytes. */
  readonly media: Media;
  /** For requests to addresses that somebody else chose. */
  readonly outbound: OutboundClient;
  readonly generations: Generations;
  /** ComfyUI as a service, over all backends. */
  readonly comfyui: ComfyUiService;
  /** The backends that all nodes share: list, add, drain, resume, remove. */
  readonly fleet: Backends;
  /** Workflows by name, with their versions, labels and deployments. */
  readonly workflows: Workflows;
  /** The places that keep workflows up to date. */
  readonly sources: Sources;
  /** The ledger. Usable also while `points.enabled` is off: then generations cost nothing. */
  readonly points: Points;
  /** Users of platforms, and what is known of them. */
  readonly sessions: Sessions;
  /** Keys of the HTTP API. */
  readonly keys: Keys;
  /** Tells accounts about their generations. */
  readonly webhooks: Webhooks;
  /** What `/metrics` tells. */
  readonly metrics: Metrics;
  /** Absent unless `telemetry.tracing` is on. */
  readonly tracing: Tracing | undefined;
  /** What ComfyDeploy reports by webhook. */
  readonly runReports: RunReports;
  readonly #configured: readonly Backend[];
  readonly #pointsSweeper: PeriodicSweep | null;
  readonly #mediaSweeper: PeriodicSweep;
  readonly #submitter: WorkflowSubmitter;
  readonly #logger: Logger;
  readonly #unsubscribe: () => void;
  #running: Promise<void> | null = null;

  /** Use `createEasel`. */
  constructor(
    config: Config,
    overrides: EaselOverrides,
    parts: { readonly clock: Clock; readonly logger: Logger; readonly db: Db },
  ) {
    const { clock, logger, db } = parts;
    this.config = config;
    this.db = db;
    this.#logger = logger;
    const instance = newId();
    this.outbound = new OutboundClient({ clock, allow: config.outbound.allow });
    this.media = new Media({
      ...{ db, clock, logger, outbound: this.outbound, settings: config.media },
      ...mediaPlaces(config.media, config.dataDir, clock),
      // The same as that of the generations: each of them sweeps what it takes for the remains of a dead process.
      identity: processIdentity(instance),
    });
    const { sweepMs } = config.media;
    this.#mediaSweeper = new PeriodicSweep({
      // Not at once: it looks through a store, for which a process that runs one generation should not have to wait.
      ...{ clock, logger, what: 'media', everyMs: sweepMs, firstMs: sweepMs },
      sweep: (signal) => this.media.sweep({ signal }),
    });
    const managed = new Map(config.backends.map((backend) => [backend.id, dispatchTraits(backend)]));
    const { publicUrl = null } = config;
    this.runReports = new RunReports({ db, clock, logger, publicUrl, backends: () => this.backends });
    const opening = { clock, logger, outbound: this.outbound, reports: this.runReports };
    this.#configured = overrides.backends ?? config.backends.map((backend) => createBackend(backend, config, opening));
    const { points: settings } = config;
    this.points = new Points({ db, clock, settings });
    this.#pointsSweeper = settings.enabled
      ? new PeriodicSweep({
          ...{ clock, logger, what: 'points', everyMs: settings.sweepMs },
          sweep: () => this.points.sweep(),
        })
      : null;
    const { waitingRoom, ...sessionSettings } = config.sessions;
    this.sessions = new Sessions({
      ...{ db, clock, logger, settings: sessionSettings },
      belongings: [ownedGenerations, ownedFiles, ownedKeys(clock), new OwnedPoints(clock, this.points.policy)],
    });
    this.metrics = new Metrics({ db, clock, logger });
    const { policy, probe, random } = overrides;
    const billing = overrides.billing ?? (settings.enabled ? this.points.billing : undefined);
    this.generations = new Generations({
      db,
      clock,
      logger,
      media: this.media.store,
      intake: this.media,
      backends: this.#configured.map((backend) => ({ backend, ...managed.get(backend.id) })),
      open: (settings) => {
        const added = backendCatalogue.parse(settings).settings;
        return { backend: createBackend(added, config, opening), ...dispatchTraits(added) };
      },
      instance,
      limits: config.limits,
      timing: config.timing,
      retry: { ...config.retry, ...definedOnly({ random }) },
      health: config.circuit,
      stalledMs: config.circuit.stalledMs,
      dispatch: { ...dispatchOptions(config.dispatch), onModelLoad: (id) => this.metrics.modelLoaded(id) },
      admission: new WaitingRoom({ clock, ...waitingRoom, planOf: (accountId) => this.perksOf(accountId) }),
      ...definedOnly({ billing, policy, probe }),
    });
    this.keys = new Keys({ db, clock, logger });
    this.tracing = config.telemetry.tracing ? new Tracing({ db, logger }) : undefined;
    this.webhooks = new Webhooks({
      ...{ db, clock, logger, ...config.webhooks, send: guardedSender(this.outbound) },
      checkUrl: (url) => void this.outbound.check(url),
      onTried: (outcome) => this.metrics.webhookTried(outcome),
      describe: async (id, accountId) => {
        const generation = await this.generations.find(id, accountId);
        return generation === null ? null : generationJson(generation);
      },
      ...definedOnly({ random }),
    });
    this.#unsubscribe = this.generations.onEvent((event) => {
      this.metrics.observe(event);
      this.tracing?.observe(event);
      if ('isAwaited' in event) this.webhooks.wake();
    });
    this.comfyui = new ComfyUiService({ db, logger, generations: this.generations });
    this.fleet = new Backends({ db, clock, logger, catalogue: backendCatalogue });
    const definitions = definitionsOf(this.backends, clock);
    this.workflows = new Workflows({ db, clock, definitions, ...definedOnly({ random }) });
    const { workflows } = this;
    this.sources = new Sources({ db, clock, logger, workflows, sources: openSources(config, clock) });
    this.#submitter = new WorkflowSubmitter({
      db,
      generations: this.generations,
      workflows: this.workflows,
      definitions,
      planOf: (accountId) => this.perksOf(accountId),
      preferenceOf: async (accountId) => (await this.sessions.preferences(accountId)).backend,
      maxUploadBytes: config.http.maxUploadBytes,
    });
  }

  /** From the name of a workflow and values for its inputs to a generation; see `WorkflowSubmitter`. */
  submitWorkflow(request: WorkflowRequest): Promise<WorkflowSubmission> {
    return this.#submitter.submit(request);
  }

  /** The adapters of this process, those of backends that were added at run time included. A live list. */
  get backends(): readonly Backend[] {
    return this.generations.backends;
  }

  /** What the plan of an account lets it do. Without points nothing is limited. */
  async perksOf(accountId: string): Promise<Perks> {
    return this.config.points.enabled ? this.points.perks(accountId) : {};
  }

  /**
   * Removes the generations, files, keys, webhooks, sessions and seeds of an account, everywhere. Its points stay, since
   * books are kept. Throws `transition_illegal` while one of its generations has not ended.
   */
  async removeAccount(accountId: string): Promise<{ readonly generations: number; readonly files: number }> {
    const generations = await removeGenerations(this.db, accountId);
    await this.keys.removeAccount(accountId);
    await this.webhooks.removeAccount(accountId);
    await removeSeeds(this.db, accountId);
    await this.sessions.forget(accountId);
    return { generations, files: await this.media.removeAccount(accountId) };
  }

  /** Opens the backends and begins to work. */
  async start(): Promise<void> {
    this.#running ??= (async () => {
      await Promise.all(this.#configured.map((backend) => backend.start()));
      await this.media.start();
      this.runReports.start();
      await this.generations.start();
      this.webhooks.start();
      this.sessions.start();
      this.sources.start();
      this.#pointsSweeper?.start();
      this.#mediaSweeper.start();
    })();
    await this.#running;
  }

  /** Stops working, closes everything. What runs on a ComfyUI goes on there and is adopted by the next start. */
  async stop(): Promise<void> {
    const started = this.#running;
    this.#running = null;
    if (started !== null) {
      await started.catch(() => {});
      await this.sources.stop();
      await this.#pointsSweeper?.stop();
      await this.#mediaSweeper.stop();
      await this.generations.stop();
      await this.runReports.stop();
      await this.webhooks.stop();
    }
    await this.sessions.stop();
    this.#unsubscribe();
    await this.keys.close();
    const closed = await Promise.allSettled(this.#configured.map((backend) => backend.close()));
    for (const result of closed) {
      if (result.status === 'rejected') this.#logger.warn({ err: result.reason }, 'a backend did not close cleanly');
    }
    await this.outbound.close();
    await this.media.close();
    await this.db.close();
  }
}

/** What adapters are made with. `reports` and `outbound` are for those that are reported on, and that name other hosts. */
export interface BackendParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly outbound?: OutboundClient;
  readonly reports?: RunReports;
}

/** The adapter of one configured backend, not started. */
export function createBackend(backend: BackendConfig, config: Config, parts: BackendParts): Backend {
  const { clock, logger, outbound, reports } = parts;
  if (backend.kind === 'embedded') {
    const { version, ...rehearsal } = config.embedded;
    return new EmbeddedBackend({
      id: backend.id,
      dataDir: join(config.dataDir, 'embedded'),
      version,
      rehearsal,
      clock,
      logger,
    });
  }
  if (backend.kind === 'comfydeploy') {
    const { id, url, apiKey, api, headers, fileHosts, pollMs } = backend;
    const client = outbound ?? new OutboundClient({ clock, allow: config.outbound.allow });
    return new ComfyDeployBackend({
      ...{ id, baseUrl: url, apiKey, clock, logger, fetch: outboundFetch(client, config), timing: { pollMs } },
      ...definedOnly({ api, headers, fileHosts }),
      ...(reports === undefined ? {} : { webhookOf: (attemptId: string) => reports.urlOf(attemptId) }),
    });
  }
  const { id, url, headers, auth, tls } = backend;
  return new ComfyUiBackend({
    id,
    baseUrl: url,
    clock,
    logger,
    ...definedOnly({ headers, auth, tls: tls === undefined ? undefined : definedOnly(tls) }),
  });
}

/** The configured sources of workflows, not started. */
export function openSources({ workflows, backends }: Config, clock: Clock): WorkflowSource[] {
  return workflows.sources.map((source): WorkflowSource => {
    const { id = source.kind, refreshMs } = source;
    if (source.kind === 'folder') return new FolderSource({ id, refreshMs, path: source.path });
    if (source.kind === 'mongodb') {
      const { url, database, collection, backend: backendId } = source;
      return new MongoSource({ id, refreshMs, url, collection, ...definedOnly({ database, backendId }) });
    }
    // That it is there was checked with the configuration.
    const backend = backends.find((one) => one.kind === 'comfydeploy' && one.id === (source.backend ?? one.id));
    if (backend?.kind !== 'comfydeploy') throw new TypeError(`The source ${id} names no ComfyDeploy backend.`);
    const { url: baseUrl, apiKey, api, headers } = backend;
    const client = new ComfyDeployClient({ baseUrl, apiKey, clock, ...definedOnly({ api, headers }) });
    return new ComfyDeploySource({ id, refreshMs, client, backendId: backend.id });
  });
}

/** Files come from and go to hosts that a backend names: through the guard, and no further than to the first answer. */
function outboundFetch(outbound: OutboundClient, { limits }: Config): FetchLike {
  return async (url, { signal, headers: given, method, body }) => {
    // The guard states lengths itself.
    const { 'content-length': bytes, ...headers } = given;
    const answer = await outbound.fetch(url, {
      ...{ headers, maxRedirects: 0, maxBytes: limits.maxOutputBytes, timeoutMs: limits.collectMs },
      ...definedOnly({ signal, method }),
      ...(body === undefined ? {} : { body: { stream: body, bytes: Number(bytes) } }),
    });
    return { ...answer, headers: { get: (name) => answer.headers[name.toLowerCase()] ?? null } };
  };
}
