import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ComfyUiBackend } from '../../src/backends/index.js';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { EmbeddedEngine, type FaultPlan } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import { type Generation, Generations, type GenerationsOptions } from '../../src/generations/index.js';
import type { Graph } from '../../src/graph/index.js';
import { FileMediaStore } from '../../src/media/index.js';
import { recordingNodes } from '../../src/testing/recording-nodes.js';
import type { TestDatabase } from '../helpers/databases.js';
import { FaultyFront } from './faulty-front.js';

/** One engine behind a front that can break things, and one Easel on it. */
export const ACCOUNT = 'matrix';
/** Generous, so that a busy machine ends nothing by itself; a test of a limit gives a short one. */
export const LIMITS = {
  queueMs: 60_000,
  runMs: 60_000,
  silenceMs: 10_000,
  collectMs: 20_000,
  cancelMs: 500,
  maxAttempts: 3,
};
const rehearsal = { stepMs: 1, loadMs: 1, previewSize: 0, models: 'any' as const, standInImages: false };

export interface StageOptions {
  readonly database: TestDatabase;
  readonly faults?: FaultPlan;
  readonly limits?: Partial<typeof LIMITS>;
  readonly clock?: Clock;
  readonly probe?: GenerationsOptions['probe'];
  readonly version?: '0.3.64' | '0.8.0';
}

export class Stage {
  readonly engine: EmbeddedEngine;
  readonly front: FaultyFront;
  readonly media: FileMediaStore;
  readonly #folder: string;
  readonly #options: StageOptions;
  readonly #closers: (() => Promise<unknown>)[] = [];
  #generations: Generations | null = null;
  #db: Db | null = null;

  private constructor(options: StageOptions, folder: string, engine: EmbeddedEngine, front: FaultyFront) {
    this.#options = options;
    this.#folder = folder;
    this.engine = engine;
    this.front = front;
    this.media = new FileMediaStore({ root: join(folder, 'media'), clock: systemClock });
  }

  static async open(options: StageOptions): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'easel-stage-'));
    const engine = new EmbeddedEngine({
      nodes: [...createCoreNodes({ rehearsal }), ...recordingNodes()],
      dataDir: join(folder, 'engine'),
      version: options.version ?? '0.8.0',
      rehearsal,
      ...(options.faults === undefined ? {} : { faults: options.faults }),
    });
    const front = new FaultyFront((await engine.start()).url);
    await front.open();
    return new Stage(options, folder, engine, front);
  }

  get db(): Db {
    if (this.#db === null) throw new Error('No node was started yet.');
    return this.#db;
  }

  get generations(): Generations {
    if (this.#generations === null) throw new Error('No node was started yet.');
    return this.#generations;
  }

  /** Another node; the last one started is `generations`. */
  async node(more: Partial<GenerationsOptions> = {}): Promise<Generations> {
    const { database, clock, probe, limits } = this.#options;
    const db = await database.open();
    const backend = new ComfyUiBackend({ id: 'gpu', baseUrl: this.front.url });
    await backend.start();
    const generations = new Generations({
      db,
      media: this.media,
      clock: clock ?? systemClock,
      logger: silentLogger,
      backends: [{ backend }],
      instance: newId(),
      limits: { ...LIMITS, ...limits },
      retry: { baseDelayMs: 10, maxDelayMs: 40 },
      timing: { tickMs: 50, maxHealthPauseMs: 100, leaseMs: 600 },
      health: { openMs: 50, maxOpenMs: 200 },
      ...(probe === undefined ? {} : { probe }),
      ...more,
    });
    await generations.start();
    this.#closers.push(async () => {
      await generations.stop();
      await backend.close();
    });
    this.#db = db;
    this.#generations = generations;
    return generations;
  }

  async submit(graph: Graph = sleeping(0.1)): Promise<string> {
    return (await this.generations.submit({ accountId: ACCOUNT, graph })).id;
  }

  wait(id: string): Promise<Generation> {
    return this.generations.wait(id, ACCOUNT);
  }

  /** Until the engine executes something of it. */
  async running(id: string): Promise<void> {
    for await (const event of this.generations.events(id, ACCOUNT)) if (event.type === 'progress') return;
  }

  /** Prompts that the engine ran to an end, in this life of it. */
  get runs(): number {
    return this.engine.counts.history;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
    await this.front.close();
    await this.engine.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A graph of one picture that takes so long, and is never answered from a cache. */
export function sleeping(seconds: number, middle: string = 'TestSleep'): Graph {
  return {
    '1': {
      class_type: 'EmptyImage',
      inputs: { width: 32, height: 32, batch_size: 1, color: Math.floor(Math.random() * 2 ** 24) },
    },
    '2': { class_type: middle, inputs: { value: ['1', 0], ...(middle === 'TestSleep' ? { seconds } : {}) } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: newId() } },
  };
}
