import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach } from 'vitest';
import { definitionsOf } from '../../src/backends/index.js';
import { parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import { parseLossless } from '../../src/core/json.js';
import { type Logger, silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import {
  type Generations,
  type GenerationsOptions,
  processIdentity,
  WorkflowSubmitter,
} from '../../src/generations/index.js';
import { createHttpServer, type HttpServerOptions, type Listening, listen } from '../../src/http/index.js';
import { Media, type MediaOptions } from '../../src/media/index.js';
import { OutboundClient } from '../../src/outbound/index.js';
import { FakeBackend } from '../../src/testing/index.js';
import { type PlanLimits, Workflows } from '../../src/workflows/index.js';
import { GRAPH, useNodes } from '../generations/harness.js';
import { makeKit } from '../helpers/databases.js';

/** A plain record of whatever JSON came back. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape is what they test
export type Answer = any;

export interface TestServer {
  readonly app: FastifyInstance;
  readonly db: Db;
  readonly generations: Generations;
  readonly backend: FakeBackend;
  /** Folder of the stored files. */
  readonly mediaRoot: string;
  readonly media: Media;
  /** Listens on a free port; closed after the test. */
  listen(): Promise<Listening>;
  /** POST /v1/generations with a graph that runs until the test ends it. Returns the id. */
  submit(more?: object): Promise<string>;
  /** Submits, and ends it with these files. Returns the id. */
  succeed(files: Readonly<Record<string, Buffer>>): Promise<string>;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Answer;
}

/** Servers over a fake backend and a SQLite database of their own. Call it inside a `describe`. */
export function useServers() {
  const kit = makeKit('sqlite');
  const nodes = useNodes();
  const closers: (() => Promise<unknown>)[] = [];
  // Declared last, so that it runs first: servers close before what they serve.
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });

  return async function server(
    options: Omit<Partial<HttpServerOptions>, 'easel'> & {
      readonly generations?: Partial<GenerationsOptions>;
      readonly plan?: PlanLimits;
      readonly media?: Partial<MediaOptions>;
      readonly easel?: Partial<HttpServerOptions['easel']>;
    } = {},
  ): Promise<TestServer> {
    const { generations: more, plan = {}, media: mediaOptions, easel, ...http } = options;
    const db = await kit.createDb();
    const instance = newId();
    const {
      generations,
      backend,
      mediaRoot,
      media: store,
    } = await nodes.node(db, {
      backend: new FakeBackend(),
      instance,
      ...more,
    });
    const definitions = http.definitions ?? definitionsOf([backend], systemClock);
    const workflows = new Workflows({ db, clock: systemClock, definitions });
    const submitter = new WorkflowSubmitter({
      db,
      generations,
      workflows,
      definitions,
      planOf: async () => plan,
      maxUploadBytes: http.maxUploadBytes ?? 1_000_000,
    });
    const config = parseConfig({});
    const outbound = new OutboundClient({ clock: systemClock });
    closers.push(() => outbound.close());
    const media = new Media({
      ...{ db, clock: systemClock, logger: silentLogger, store, spool: store, outbound, settings: config.media },
      // As in Easel: generations and media must take each other's staged files for those of the living.
      identity: processIdentity(instance),
      ...mediaOptions,
    });
    const app = createHttpServer({
      easel: {
        config,
        backends: [backend],
        generations,
        workflows,
        submitWorkflow: (request) => submitter.submit(request),
        media,
        ...easel,
      },
      logger: silentLogger,
      clock: systemClock,
      ...http,
    });
    closers.push(() => app.close());
    const submit = async (body: object = {}) => {
      const answer = await app.inject({ method: 'POST', url: '/v1/generations', payload: { graph: GRAPH, ...body } });
      if (answer.statusCode !== 202) throw new Error(`Not accepted: ${answer.body}`);
      return answer.json().id as string;
    };
    return {
      app,
      db,
      generations,
      backend,
      mediaRoot,
      media,
      listen: () => listen(app, { host: '127.0.0.1', port: 0 }),
      submit,
      async succeed(files) {
        const outputs = Object.entries(files).map(([name, bytes]) => backend.addFile(name, bytes));
        backend.autoFinish = () => outputs;
        const id = await submit();
        await generations.wait(id, 'local');
        backend.autoFinish = null;
        return id;
      },
    };
  };
}

export function capturingLogger(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const make = (more: object): Logger => {
    const write = (level: string) => (fields: object, message: string) =>
      void lines.push({ level, message, fields: { ...more, ...fields } });
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: (fields) => make({ ...more, ...fields }),
    };
  };
  return { logger: make({}), lines };
}

export const lossless = (body: string): Answer => parseLossless(body);

export interface ServerEvent {
  readonly id?: string;
  readonly event?: string;
  readonly retry?: string;
  readonly comment?: string;
  readonly data?: Answer;
}

/** Reads server-sent events from the body of a fetch. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent, void, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      yield parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

function parseEvent(block: string): ServerEvent {
  const fields: Record<string, unknown> = {};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).replace(/^ /, '');
    if (colon === 0) fields['comment'] = value;
    else fields[line.slice(0, colon)] = value;
  }
  return { ...fields, ...(fields['data'] === undefined ? {} : { data: JSON.parse(String(fields['data'])) }) };
}

/** A raw connection, for what no HTTP client would do. Read with `text`, destroy it in the test. */
export async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}
