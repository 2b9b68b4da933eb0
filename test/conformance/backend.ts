import type { Backend } from '../../src/backends/index.js';
import type { FaultPlan } from '../../src/embedded/index.js';
import { describeCancelling } from './suite/cancelling.js';
import { describeClosing } from './suite/closing.js';
import { describeFaults } from './suite/faults.js';
import { describeFiles } from './suite/files.js';
import { describeKnowing } from './suite/knowing.js';
import type { SuiteNodes } from './suite/nodes.js';
import { describeRunning } from './suite/running.js';

/**
 * The executable form of `src/backends/spec.ts`: one suite that every adapter must pass.
 *
 * A harness gives a live server that has the node classes of suite/nodes.ts, and the adapter under test on it. It is made
 * anew for every test, so that no test sees the queue, the history or the files of another.
 */
export interface BackendHarness {
  /** What this kind of backend cannot do, with the reason. The tests of it are then left out, and print it. */
  readonly lacks?: Readonly<Partial<Record<Ability, string>>>;
  readonly nodes: SuiteNodes;
  /** The adapter under test, started and connected. */
  readonly backend: Backend;
  /** Another adapter on the same server, as another node of a fleet would have; started and connected. */
  neighbour(id: string): Promise<Backend>;
  /** An adapter for an address at which nothing listens, or something else than a ComfyUI does; null when that cannot be. */
  elsewhere(what: 'nothing' | 'web-server'): Promise<Backend | null>;
  /** Breaks things on purpose. */
  readonly faults: { set(changes: FaultPlan): void };
  restart(): Promise<void>;
  losePrompt(attemptId: string): void;
  dropConnections(): void;
  /** What the server still holds open. */
  counts(): { readonly sockets: number };
  close(): Promise<void>;
}

/**
 * What a backend may lack without being wrong.
 *
 * - graph-check      refuses a graph that cannot run when it is submitted
 * - node-events      tells of each node, of cached nodes and previews, and numbers its queue
 * - run-errors       tells which node failed, and why
 * - texts-with-files reports texts of a node that also made files
 * - temp-files       delivers previews
 * - server-facts     tells version, node classes, devices and the length of its queue
 * - event-stream     keeps a connection on which it tells what happens
 * - short-memory     forgets cancelled runs that only waited, and everything at a restart
 * - stubborn-nodes   has to wait for a node that does not listen
 * - one-copy         stores equal uploads once
 */
export type Ability =
  | 'graph-check'
  | 'node-events'
  | 'run-errors'
  | 'texts-with-files'
  | 'temp-files'
  | 'server-facts'
  | 'event-stream'
  | 'short-memory'
  | 'stubborn-nodes'
  | 'one-copy';

export type MakeHarness = () => Promise<BackendHarness>;

export function describeBackend(name: string, makeHarness: MakeHarness): void {
  describeRunning(name, makeHarness);
  describeCancelling(name, makeHarness);
  describeFiles(name, makeHarness);
  describeKnowing(name, makeHarness);
  describeFaults(name, makeHarness);
  describeClosing(name, makeHarness);
}
