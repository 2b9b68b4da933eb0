import { afterEach, expect, test } from 'vitest';
import { ComfyDeployClient } from '../../src/comfydeploy/index.js';
import { silentLogger } from '../../src/core/log.js';
import { FakeComfyDeploy, VirtualClock } from '../../src/testing/index.js';
import { ComfyDeploySource, Sources } from '../../src/workflows/index.js';
import { makeKit } from '../helpers/databases.js';
import { pictureGraph } from '../helpers/picture-graph.js';
import { openWorkflows } from './harness.js';

const { createDb } = makeKit('sqlite');
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Client = ConstructorParameters<typeof ComfyDeploySource>[0]['client'];

async function open(through: (client: Client) => Client = (client) => client) {
  const server = new FakeComfyDeploy();
  const { url } = await server.start();
  cleanups.push(() => server.close());
  const db = await createDb();
  const clock = new VirtualClock();
  const workflows = openWorkflows(db, clock);
  const client = through(new ComfyDeployClient({ baseUrl: url, apiKey: server.apiKey }));
  const source = new ComfyDeploySource({ id: 'comfydeploy', refreshMs: 60_000, client, backendId: 'cd' });
  const sources = new Sources({ db, clock, logger: silentLogger, workflows, sources: [source] });
  cleanups.push(() => sources.stop());
  return { server, clock, workflows, sources };
}

test('deployments of one name are one workflow; what is known is not fetched again', async () => {
  const { server, workflows, sources } = await open();
  const one = server.deploy(pictureGraph(), { name: 'My cat' });
  const two = server.deploy(pictureGraph(), { name: 'My cat', isFluid: true });
  server.deploy(pictureGraph({ steps: 9 }), { name: 'dog' });
  expect(await sources.refresh()).toMatchObject([{ kind: 'comfydeploy', count: 2, faults: [], error: null }]);
  expect(await workflows.list()).toMatchObject([{ name: 'My-cat', title: 'My cat' }, { name: 'dog' }]);
  const targets = (await workflows.deployments.list({ workflow: 'My-cat' })).map(({ target }) => target);
  expect(targets).toHaveLength(2);
  expect(targets).toEqual(
    expect.arrayContaining([one, two].map(({ id }) => ({ kind: 'comfydeploy', backendId: 'cd', deploymentId: id }))),
  );
  server.requests.length = 0;
  await sources.refresh();
  expect(server.requests).toEqual(['GET /deployments', 'GET /deployments']);
});

test('words that were changed are taken over, although the version is the same', async () => {
  let description = 'Sits.';
  const { server, workflows, sources } = await open((client) => ({
    displayUrl: client.displayUrl,
    deployments: async (options) => (await client.deployments(options)).map((one) => ({ ...one, description })),
    workflowVersion: (id, options) => client.workflowVersion(id, options),
    close: () => client.close(),
  }));
  server.deploy(pictureGraph(), { name: 'cat' });
  await sources.refresh();
  expect(await workflows.get('cat')).toMatchObject({ description: 'Sits.', latest: { number: 1 } });
  description = 'Sits on a mat.';
  await sources.refresh();
  expect(await workflows.get('cat')).toMatchObject({ description: 'Sits on a mat.', latest: { number: 2 } });
});

test('only what ComfyDeploy gives values to is an input', async () => {
  const { server, workflows, sources } = await open();
  const graph = pictureGraph();
  graph['6']!.inputs['text'] = ['20', 0];
  graph['20'] = { class_type: 'ComfyUIDeployExternalText', inputs: { input_id: 'scene', default_value: 'a cat' } };
  server.deploy(graph, { name: 'cat' });
  await sources.refresh();
  expect((await workflows.inputs('cat')).map(({ name, source }) => [name, source])).toEqual([['scene', 'marker']]);
});

test('one that is down is told, and what it had stays in use; one that hangs delays no submit', async () => {
  const { server, workflows, sources, clock } = await open();
  server.deploy(pictureGraph(), { name: 'cat' });
  sources.start();
  await sources.refresh();
  server.setFaults({ errors: [{ route: 'GET /deployments', status: 503, count: 100 }] });
  const downAt = clock.now();
  expect(await sources.refresh()).toMatchObject([
    { count: 1, staleSince: downAt, error: { retryable: true, code: expect.stringMatching(/^backend_/) } },
  ]);
  await clock.advance(10);
  await sources.refresh();
  expect(sources.states()).toMatchObject([{ staleSince: downAt }]);

  server.setFaults({ errors: [], silentRoutes: ['GET /deployments'] });
  server.requests.length = 0;
  const hanging = sources.refresh();
  const prepared = await workflows.prepare({
    workflow: 'cat',
    inputs: {},
    accountId: 'ada',
    files: { contentTypeOf: async () => null, store: () => Promise.reject(new Error('there are no files')) },
  });
  expect(prepared.version.workflow).toBe('cat');
  expect(sources.states()).toMatchObject([{ refreshing: true, staleSince: downAt }]);
  await sources.stop();
  await hanging;
  expect(clock.pending).toBe(0);
});

test('a graph that is not given out is a fault of its own', async () => {
  const { server, sources, workflows } = await open();
  server.deploy(pictureGraph(), { name: 'cat' });
  server.setFaults({ errors: [{ route: 'GET /workflow-version/{id}', status: 500, count: 1 }] });
  expect(await sources.refresh()).toMatchObject([{ count: 0, error: null, faults: [{ item: 'cat' }] }]);
  expect(await sources.refresh()).toMatchObject([{ count: 1, faults: [] }]);
  expect(await workflows.get('cat')).toMatchObject({ enabled: true });
});
