import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backend, ComfyDeployBackend, type RunReference } from '../../src/backends/index.js';
import type { FaultPlan } from '../../src/embedded/index.js';
import type { Graph } from '../../src/graph/types.js';
import { FakeComfyDeploy } from '../../src/testing/index.js';
import { type Ability, type BackendHarness, describeBackend } from './backend.js';
import { SuiteNodes } from './suite/nodes.js';

/**
 * The `comfydeploy` adapter against a ComfyDeploy written from the protocol, whose machine is the engine. Each graph of the
 * suite becomes a deployment; `asCaller` stores what the generations room would store of an attempt.
 */
const LACKS: Readonly<Partial<Record<Ability, string>>> = {
  'graph-check': 'ComfyDeploy takes a deployment id, and a graph is checked only when it runs',
  'node-events': 'ComfyDeploy tells the status and one share of the whole run',
  'run-errors': 'ComfyDeploy leaves out why a run failed',
  'texts-with-files': 'the plugin drops the texts of nodes that make files',
  'temp-files': 'the plugin does not report previews',
  'server-facts': 'ComfyDeploy has machines, and the API key sees none of their insides',
  'event-stream': 'runs are read, not listened to',
  'short-memory': 'ComfyDeploy keeps its runs',
  'stubborn-nodes': 'a cancel ends the container, whatever the node does',
  'one-copy': 'each upload gets an address of its own',
};

async function makeHarness(): Promise<BackendHarness> {
  const dataDir = await mkdtemp(join(tmpdir(), 'easel-suite-'));
  const nodes = new SuiteNodes();
  const fake = new FakeComfyDeploy({ engine: { nodes: nodes.classes, dataDir, randomisesSeeds: false } });
  const { url } = await fake.start();
  const closers: (() => Promise<void>)[] = [];
  /** What the database would hold, for all adapters. */
  const stored = new Map<string, RunReference>();

  const connect = async (id: string, baseUrl: string): Promise<Backend> => {
    const backend = new ComfyDeployBackend({
      id,
      baseUrl,
      apiKey: fake.apiKey,
      fetch: (target, init) => fetch(target, init),
      allowHttpFiles: true,
      timing: { pollMs: 5, maxPollMs: 20, safetyPollMs: 20 },
      lostSubmitGraceMs: 0,
    });
    closers.push(() => backend.close());
    await backend.start();
    return asCaller(backend, stored, (graph) => fake.deploy(graph).id);
  };

  return {
    lacks: LACKS,
    nodes,
    backend: await connect('under-test', url),
    neighbour: (id) => connect(id, url),
    async elsewhere(what) {
      const server = createServer((_request, response) => response.end('<!doctype html><title>Not this</title>'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));
      if (what === 'nothing') await stop();
      else closers.push(stop);
      return connect('elsewhere', `http://127.0.0.1:${port}/api`);
    },
    faults: { set: (plan) => fake.setFaults(translate(plan)) },
    restart: async () => {},
    losePrompt: (attemptId) => fake.runs.remove(stored.get(attemptId)?.backendRunId ?? ''),
    dropConnections: () => {},
    counts: () => ({ sockets: fake.openConnections }),
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
      nodes.openAllGates();
      await fake.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function asCaller(
  backend: ComfyDeployBackend,
  stored: Map<string, RunReference>,
  deploy: (graph: Graph) => string,
): Backend {
  const remember = (attemptId: string, backendRunId: string) => {
    const known = stored.get(attemptId);
    if (known !== undefined) stored.set(attemptId, { ...known, backendRunId });
  };
  backend.onEvent((event) => {
    if (event.type === 'identified') remember(event.attemptId, event.backendRunId);
  });
  const referenceOf = (attemptId: string): RunReference =>
    stored.get(attemptId) ?? { deploymentId: 'none', backendRunId: null, sentAt: 0 };
  return {
    specVersion: backend.specVersion,
    id: backend.id,
    kind: backend.kind,
    displayUrl: backend.displayUrl,
    start: () => backend.start(),
    close: () => backend.close(),
    async submit(request) {
      const deployment = { id: deploy(request.graph), inputs: {} };
      stored.set(request.attemptId, { deploymentId: deployment.id, backendRunId: null, sentAt: Date.now() });
      const outcome = await backend.submit({ ...request, graph: {}, deployment });
      if (outcome.kind !== 'accepted') return outcome;
      remember(request.attemptId, outcome.backendRunId ?? '');
      return { kind: 'accepted' };
    },
    find: (attemptId, options) => backend.find(attemptId, { ...options, run: referenceOf(attemptId) }),
    cancel: (attemptId, options) => backend.cancel(attemptId, { ...options, run: referenceOf(attemptId) }),
    openOutput: (output, options) => backend.openOutput(output, options),
    upload: (file, options) => backend.upload(file, options),
    onEvent: (listener) => backend.onEvent(listener),
    health: (options) => backend.health(options),
    capabilities: (options) => backend.capabilities(options),
  };
}

/** The faults of the suite, on the routes of ComfyDeploy. */
function translate(plan: FaultPlan) {
  const route = (name: string) => (name === 'POST /prompt' ? 'POST /run/deployment/queue' : '*');
  return {
    ...(plan.dropAcceptedSubmits === undefined ? {} : { dropAcceptedSubmits: plan.dropAcceptedSubmits }),
    ...(plan.silentRoutes === undefined ? {} : { silentRoutes: plan.silentRoutes.map(route) }),
    ...(plan.submitErrors === undefined
      ? {}
      : {
          errors: [
            {
              route: 'POST /run/deployment/queue',
              status: plan.submitErrors.status ?? 500,
              count: plan.submitErrors.count,
            },
          ],
        }),
    ...(plan.view?.cutAfterBytes === undefined
      ? {}
      : { cutFiles: { count: plan.view.count ?? 1, afterBytes: plan.view.cutAfterBytes } }),
  };
}

describeBackend('comfydeploy', makeHarness);
