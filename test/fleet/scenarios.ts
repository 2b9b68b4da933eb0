import { vi } from 'vitest';
import { StorageError } from '../../src/core/errors.js';
import type { FaultPlan } from '../../src/embedded/index.js';
import type { Probe, ProbePoint } from '../../src/generations/index.js';
import { Latch } from '../../src/testing/index.js';
import type { FrontRule } from './faulty-front.js';
import { ACCOUNT, type LIMITS, type Stage, sleeping } from './stage.js';
import { StoppableClock } from './support.js';

/** The fault matrix: what goes wrong, in which phase. What comes of it is for the test to see. */
export interface Scenario {
  readonly phase: 'submit' | 'queued' | 'running' | 'collecting' | 'settling';
  readonly fault: string;
  readonly faults?: FaultPlan;
  readonly rules?: readonly FrontRule[];
  readonly limits?: Partial<typeof LIMITS>;
  readonly clock?: StoppableClock;
  readonly probe?: Probe;
  /** The limit that decides when it ends. */
  readonly endsAt?: 'queue' | 'silence' | 'collect' | 'retry-after';
  /** Instead of "submit, and wait". Returns the id. */
  readonly act?: (stage: Stage) => Promise<string>;
}

const HTML = '<!doctype html><html><body>Please log in</body></html>';
const at = (route: string, answer: FrontRule['answer'], count?: number): FrontRule[] => [
  count === undefined ? { route, answer } : { route, answer, count },
];
const prompt = (answer: FrontRule['answer'], count?: number) => at('POST /prompt', answer, count);
const view = (answer: FrontRule['answer'], count?: number) => at('GET /view', answer, count);

/** Holds the node at a point, as if it had been stopped there, and lets another one take over. */
function stoppedAt(point: ProbePoint, goesOn: boolean): Pick<Scenario, 'clock' | 'probe' | 'act'> {
  const clock = new StoppableClock();
  const gate = new Latch();
  let isFirst = true;
  return {
    clock,
    async probe(reached) {
      if (reached !== point || !isFirst) return;
      isFirst = false;
      clock.stop();
      await gate.pass();
    },
    async act(stage) {
      const id = await stage.submit(sleeping(0.3));
      await gate.reached;
      const second = await stage.node({ clock: new StoppableClock() });
      if (goesOn) {
        await second.wait(id, ACCOUNT);
        clock.goOn();
      } else {
        void second.wait(id, ACCOUNT).then(() => clock.goOn());
      }
      gate.open();
      return id;
    },
  };
}

export const SCENARIOS: readonly Scenario[] = [
  {
    phase: 'submit',
    fault: 'connection refused, then the server is back',
    async act(stage) {
      await stage.front.close();
      const id = await stage.submit();
      await stage.front.open();
      return id;
    },
  },
  {
    phase: 'submit',
    fault: 'connection refused for good',
    endsAt: 'queue',
    async act(stage) {
      await stage.front.close();
      return stage.submit();
    },
  },
  { phase: 'submit', fault: 'connection reset before the server has it, twice', rules: prompt('reset', 2) },
  { phase: 'submit', fault: 'connection reset after the server has taken it', rules: prompt('lose-answer', 1) },
  { phase: 'submit', fault: 'no answer, and the server never had it', rules: prompt('silence'), endsAt: 'queue' },
  {
    phase: 'submit',
    fault: '429 with `Retry-After: 1`',
    rules: prompt({ status: 429, headers: { 'retry-after': '1' } }, 1),
    endsAt: 'retry-after',
  },
  { phase: 'submit', fault: '500, four times', rules: prompt({ status: 500, body: 'Internal Server Error' }, 4) },
  {
    phase: 'submit',
    fault: 'garbage instead of JSON, once',
    rules: prompt({ status: 200, headers: { 'content-type': 'application/json' }, body: '{"prompt_id": "' }, 1),
  },
  {
    phase: 'submit',
    fault: 'a login page, once',
    rules: prompt({ status: 200, headers: { 'content-type': 'text/html' }, body: HTML }, 1),
  },
  {
    phase: 'submit',
    fault: 'a login page in front of everything',
    rules: [
      ...prompt({ status: 200, headers: { 'content-type': 'text/html' }, body: HTML }),
      ...at('GET /prompt', { status: 200, headers: { 'content-type': 'text/html' }, body: HTML }),
    ],
    endsAt: 'queue',
  },
  {
    phase: 'submit',
    fault: '401: our credentials are refused',
    rules: prompt({ status: 401 }),
    endsAt: 'queue',
  },
  {
    phase: 'submit',
    fault: 'the graph is refused',
    act: (stage) =>
      stage.submit({
        '1': { class_type: 'EmptyImage', inputs: { width: -1, height: 32, batch_size: 1, color: 0 } },
        '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
      }),
  },
  {
    phase: 'submit',
    fault: 'cancelled while it is being sent',
    async act(stage) {
      stage.engine.faults.set({ latencyMs: { 'POST /prompt': 150 } });
      const id = await stage.submit(sleeping(5));
      for await (const event of stage.generations.events(id, ACCOUNT)) if (event.type === 'started') break;
      await stage.generations.cancel(id, ACCOUNT);
      return id;
    },
  },
  { phase: 'submit', fault: 'the node is killed between the mark and the request', ...stoppedAt('marked-sent', false) },
  { phase: 'submit', fault: 'the node is paused there, and goes on later', ...stoppedAt('marked-sent', true) },

  {
    phase: 'queued',
    fault: 'somebody deletes it from the queue of the backend',
    faults: { losePrompts: { count: 1 } },
  },
  {
    phase: 'queued',
    fault: 'the backend is busy with work of others for too long',
    endsAt: 'queue',
    limits: { silenceMs: 600 },
    async act(stage) {
      const body = JSON.stringify({ prompt: sleeping(4) });
      await fetch(`${stage.engine.url}/prompt`, { method: 'POST', body });
      return stage.submit();
    },
  },
  {
    phase: 'queued',
    fault: 'cancelled while it waits for a backend',
    async act(stage) {
      await stage.front.close();
      const id = await stage.submit();
      await stage.generations.cancel(id, ACCOUNT);
      return id;
    },
  },

  {
    phase: 'running',
    fault: 'the websocket breaks',
    faults: { dropSocketsAtNode: { classType: 'TestSleep', count: 1 } },
  },
  {
    phase: 'running',
    fault: 'the server restarts, once',
    async act(stage) {
      const id = await stage.submit(sleeping(0.5));
      await stage.running(id);
      await stage.engine.restart({ downMs: 50 });
      return id;
    },
  },
  {
    phase: 'running',
    fault: 'the server dies under it every time',
    limits: { maxAttempts: 9 },
    async act(stage) {
      const id = await stage.submit(sleeping(20));
      for (let death = 0; death < 3; death += 1) {
        for await (const event of stage.generations.events(id, ACCOUNT))
          if (event.type === 'progress' && stage.engine.counts.queued > 0) break;
        await stage.engine.restart({ downMs: 50 });
      }
      return id;
    },
  },
  {
    phase: 'running',
    fault: 'the server goes away for good',
    limits: { maxAttempts: 1 },
    endsAt: 'silence',
    async act(stage) {
      const id = await stage.submit(sleeping(20));
      await stage.running(id);
      await stage.front.close();
      return id;
    },
  },
  {
    phase: 'running',
    fault: 'out of memory, once',
    faults: { outOfMemoryAtNode: { classType: 'TestSleep', count: 1 } },
  },
  { phase: 'running', fault: 'out of memory, every time', faults: { outOfMemoryAtNode: { classType: 'TestSleep' } } },
  { phase: 'running', fault: 'a node raises an exception', act: (stage) => stage.submit(sleeping(0, 'TestSyncError')) },
  {
    phase: 'running',
    fault: 'a node hangs and ignores interrupts',
    faults: { hangAtNode: { classType: 'TestSleep' } },
    limits: { maxAttempts: 1 },
    endsAt: 'silence',
  },
  {
    phase: 'running',
    fault: 'somebody else interrupts it, once',
    async act(stage) {
      const id = await stage.submit(sleeping(0.5));
      await stage.running(id);
      await fetch(`${stage.engine.url}/interrupt`, { method: 'POST' });
      return id;
    },
  },
  {
    phase: 'running',
    fault: 'cancelled while it runs',
    async act(stage) {
      const id = await stage.submit(sleeping(20));
      await stage.running(id);
      await stage.generations.cancel(id, ACCOUNT);
      return id;
    },
  },
  { phase: 'running', fault: 'the node is killed', ...stoppedAt('running', false) },
  { phase: 'running', fault: 'the node is paused past its lease, and goes on later', ...stoppedAt('running', true) },

  { phase: 'collecting', fault: 'the history comes 10 ms late', faults: { history: { delayMs: 10 } } },
  { phase: 'collecting', fault: 'the output file is gone (404) for a moment', rules: view({ status: 404 }, 2) },
  { phase: 'collecting', fault: 'the output file is gone (404) in the first try', rules: view({ status: 404 }, 3) },
  { phase: 'collecting', fault: 'the output file is gone (404) every time', rules: view({ status: 404 }) },
  { phase: 'collecting', fault: 'the download breaks off, once', faults: { view: { cutAfterBytes: 10, count: 1 } } },
  { phase: 'collecting', fault: 'the download breaks off every time', faults: { view: { cutAfterBytes: 10 } } },
  {
    phase: 'collecting',
    fault: 'the download takes too long',
    faults: { view: { delayMs: 60_000 } },
    endsAt: 'collect',
  },
  {
    phase: 'collecting',
    fault: 'the disk is full, once',
    act: (stage) => withFullDisk(stage, 1),
  },
  {
    phase: 'collecting',
    fault: 'the disk is full every time',
    act: (stage) => withFullDisk(stage, Number.POSITIVE_INFINITY),
  },
  {
    phase: 'collecting',
    fault: 'cancelled while its files are copied',
    async act(stage) {
      stage.engine.faults.set({ view: { delayMs: 400 } });
      const id = await stage.submit();
      for await (const event of stage.generations.events(id, ACCOUNT)) if (event.type === 'collecting') break;
      await stage.generations.cancel(id, ACCOUNT);
      return id;
    },
  },
  { phase: 'collecting', fault: 'the node is killed', ...stoppedAt('output-staged', false) },

  {
    phase: 'settling',
    fault: 'the database is away for a moment',
    async probe(point) {
      if (point === 'collected') await databaseGone?.();
    },
    async act(stage) {
      const transaction = stage.db.transaction.bind(stage.db);
      databaseGone = async () => {
        databaseGone = null;
        let failures = 3;
        vi.spyOn(stage.db, 'transaction').mockImplementation(async (...args) => {
          failures -= 1;
          if (failures >= 0) throw new StorageError('database_unavailable', 'The database is away.');
          return transaction(...args);
        });
      };
      return stage.submit();
    },
  },
  { phase: 'settling', fault: 'the node is killed before it settles', ...stoppedAt('collected', false) },
  { phase: 'settling', fault: 'the node is paused there, and goes on later', ...stoppedAt('collected', true) },
];

let databaseGone: (() => Promise<void>) | null = null;

async function withFullDisk(stage: Stage, count: number): Promise<string> {
  const stageFile = stage.media.stage.bind(stage.media);
  let left = count;
  vi.spyOn(stage.media, 'stage').mockImplementation(async (...args) => {
    if (left > 0) {
      left -= 1;
      throw new StorageError('storage_failed', 'No space is left on the device.', { retryable: false });
    }
    return stageFile(...args);
  });
  return stage.submit();
}
