import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import { VirtualClock } from '../../src/testing/index.js';
import { MongoSource, Sources } from '../../src/workflows/index.js';
import { makeKit } from '../helpers/databases.js';
import { describeWithFerretDb, type FerretDb, startFerretDb } from '../helpers/ferretdb.js';
import { readText } from '../helpers/sources.js';
import { openWorkflows } from './harness.js';

/** In UI format, with this many steps. */
const layout = (steps: number): string => {
  const text = readText('examples/workflows/postcard.json') ?? '';
  const workflow = JSON.parse(text) as { nodes: { type: string; widgets_values?: unknown[] }[] };
  const sampler = workflow.nodes.find(({ type }) => type === 'KSampler');
  sampler!.widgets_values![2] = steps;
  return JSON.stringify(workflow);
};

describeWithFerretDb('the source mongodb', () => {
  let server: FerretDb;
  beforeAll(async () => {
    server = await startFerretDb();
  }, 60_000);
  afterAll(() => server?.remove());
  const { createDb } = makeKit('sqlite');

  async function open(database: string) {
    const db = await createDb();
    const clock = new VirtualClock();
    const workflows = openWorkflows(db, clock);
    const source = new MongoSource({ id: 'mongodb', refreshMs: 30_000, url: server.url, database, backendId: 'cd' });
    const sources = new Sources({ db, clock, logger: silentLogger, workflows, sources: [source] });
    return { clock, workflows, sources, collection: server.client.db(database).collection('workflows') };
  }

  test('takes in the flows of the document with their deployments', async () => {
    const { workflows, sources, collection } = await open('first');
    await collection.insertOne({
      flows: [{ name: 'I2I HANDS', ids: ['dep-1', 'dep-2', 'dep-1'], layout: layout(20) }],
    });
    expect(await sources.refresh()).toMatchObject([{ place: 'first.workflows', count: 1, faults: [], error: null }]);
    const [workflow] = await workflows.list();
    expect(workflow).toMatchObject({ name: 'I2I-HANDS', title: 'I2I HANDS', type: 'I2I_HANDS', source: 'mongodb' });
    expect((await workflows.version('I2I-HANDS')).uiWorkflow).not.toBeNull();
    const targets = (await workflows.deployments.list({ type: 'I2I_HANDS' })).map(({ target }) => target);
    expect(targets).toHaveLength(2);
    expect(targets).toEqual(
      expect.arrayContaining([
        { kind: 'comfydeploy', backendId: 'cd', deploymentId: 'dep-1' },
        { kind: 'comfydeploy', backendId: 'cd', deploymentId: 'dep-2' },
      ]),
    );
  });

  test('follows an edited document; a broken layout is reported and does not stop the rest', async () => {
    const { workflows, sources, collection, clock } = await open('second');
    const flows = (make: string, hands: string) => [
      { name: 'MAKE', ids: ['dep-1'], layout: make },
      { name: 'HANDS', ids: [], layout: hands },
      { name: 'UPSCALE', ids: ['dep-3'], layout: layout(5) },
    ];
    await collection.insertOne({ flows: flows(layout(20), layout(20)) });
    sources.start();
    await sources.refresh();
    expect(sources.states()).toMatchObject([{ count: 3, faults: [] }]);

    await collection.updateOne({}, { $set: { flows: flows('{"nodes": [', layout(30)) } });
    // Nobody asks: the next pass comes by itself.
    await clock.advance(30_000);
    await sources.refresh();
    expect(sources.states()).toMatchObject([{ faults: [{ item: 'MAKE', code: 'file_not_a_workflow' }], error: null }]);
    expect(await workflows.get('HANDS')).toMatchObject({ latest: { number: 2 } });
    expect(await workflows.get('MAKE')).toMatchObject({ enabled: true, latest: { number: 1 } });

    const off = async () => (await workflows.list({ enabled: false })).map(({ name }) => name);
    await collection.updateOne({}, { $set: { flows: [...flows(layout(21), layout(30)).slice(0, 1), 7] } });
    await sources.refresh();
    expect(sources.states()).toMatchObject([{ faults: [{ item: 'flows[1]', code: 'file_not_a_workflow' }] }]);
    expect(await workflows.get('MAKE')).toMatchObject({ latest: { number: 2 } });
    // What has lost its name may be either of them.
    expect(await off()).toEqual([]);
    await collection.updateOne({}, { $set: { flows: 'lost' } });
    await sources.refresh();
    expect(sources.states()).toMatchObject([{ faults: [{ item: 'document 1', code: 'file_not_a_workflow' }] }]);
    expect(await off()).toEqual([]);
    await collection.updateOne({}, { $set: { flows: flows(layout(21), layout(30)).slice(0, 1) } });
    await sources.refresh();
    expect(await off()).toEqual(['HANDS', 'UPSCALE']);
    await sources.stop();
    expect(clock.pending).toBe(0);
  });

  test('a server that says nothing does not hold up a stop; a collection that is not there is an error, not an empty list', async () => {
    const { sources, collection, workflows } = await open('third');
    await collection.insertOne({ flows: [{ name: 'MAKE', ids: [], layout: layout(20) }] });
    await sources.refresh();
    server.pause();
    try {
      sources.start();
      const startedAt = Date.now();
      expect(await workflows.get('MAKE')).toMatchObject({ enabled: true });
      await sources.stop();
      expect(Date.now() - startedAt).toBeLessThan(5_000);
    } finally {
      server.resume();
    }
    expect(sources.states()).toMatchObject([{ count: 1, error: null }]);
    const other = await open('third');
    await other.collection.drop();
    expect(await other.sources.refresh()).toMatchObject([{ error: { code: 'database_unavailable' } }]);
  });

  test('an address with a password is in no message', async () => {
    const db = await createDb();
    // The driver would look for the server for ten seconds.
    const load = async () => {
      const driver = await import('mongodb');
      class Quick extends driver.MongoClient {
        constructor(url: string, options: object) {
          super(url, { ...options, serverSelectionTimeoutMS: 50 });
        }
      }
      return { ...driver, MongoClient: Quick };
    };
    const quick = new MongoSource({ id: 'mongodb', refreshMs: 30_000, url: 'mongodb://ann:secret@127.0.0.1:1/', load });
    const other = new Sources({
      ...{ db, clock: new VirtualClock(), logger: silentLogger, sources: [quick] },
      workflows: openWorkflows(db),
    });
    const [state] = await other.refresh();
    expect(state).toMatchObject({ error: { code: 'database_unavailable' } });
    expect(JSON.stringify(state)).not.toContain('secret');
  });
});
