import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import type { Db } from '../../src/db/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import { type FakeJob, type FakeMachine, Latch } from '../../src/testing/index.js';
import { ACCOUNT, GRAPH } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { useDeployments } from './harness.js';

const SUBMIT = 'POST /run/deployment/queue';
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC',
  'base64',
);
const picture: FakeMachine = async () => [
  { nodeId: '9', items: [{ filename: 'a_00001_.png', bytes: PNG, contentType: 'image/png' }] },
];
const heldBy =
  (gate: Latch): FakeMachine =>
  async (job) => {
    await gate.pass(job.signal);
    return picture(job);
  };
const noting =
  (seen: FakeJob[]): FakeMachine =>
  async (job) => {
    seen.push(job);
    return picture(job);
  };
const ask = (id: string, inputs = {}) => ({ accountId: ACCOUNT, deployment: { id, inputs } });

describeEachDatabase('a generation of a deployment', ({ createDb }) => {
  const deployments = useDeployments();
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), 'easel-deploy-'));
    folders.push(made);
    return made;
  };
  const attempts = (db: Db) => db.kysely.selectFrom('attempts').selectAll().orderBy('number').execute();

  test('runs by its id with the values that were given, and stores the picture', async () => {
    const rehearsal = { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any', standInImages: false } as const;
    const nodes = createCoreNodes({ rehearsal, profile: '0.8.0', now: () => new Date(0) });
    const fake = await deployments.fake({ engine: { nodes, dataDir: folder(), rehearsal } });
    const deployment = fake.deploy({
      '1': { class_type: 'ComfyUIDeployExternalNumberInt', inputs: { input_id: 'width', default_value: 64 } },
      '2': { class_type: 'EmptyImage', inputs: { width: ['1', 0], height: 32, batch_size: 1, color: 255 } },
      '9': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'deployed' } },
    });
    const db = await createDb();
    const { generations } = await deployments.node(db, fake);
    const { id } = await generations.submit(ask(deployment.id, { width: 96 }));
    const ended = await generations.wait(id, ACCOUNT);
    expect(ended).toMatchObject({ status: 'succeeded', backendId: 'cloud', attemptCount: 1 });
    expect(ended.outputs).toMatchObject([{ nodeId: '9', kind: 'image', contentType: 'image/png' }]);
    const bytes = await buffer((await generations.openOutput(id, ACCOUNT, 0)).stream);
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([96, 32]);
    const [attempt] = await attempts(db);
    expect(attempt?.backend_run_id).toBe(fake.runs.all()[0]?.id);
    expect(fake.runs.all()[0]?.inputs).toEqual({ width: 96, easel_attempt: attempt?.id });
  });

  test('uploads attached files and gives their address as the value', async () => {
    const seen: FakeJob[] = [];
    const fake = await deployments.fake({ machine: noting(seen) });
    const { generations } = await deployments.node(await createDb(), fake);
    const { mediaId } = await generations.attach(ACCOUNT, PNG, { maxBytes: 10_000 });
    const { id } = await generations.submit({
      ...ask(fake.deploy(GRAPH).id, { seed: 18446744073709551615n, strength: 0.5 }),
      attachments: [{ nodeId: '', inputName: 'photo', mediaId }],
    });
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    expect(seen[0]?.inputs['seed']).toBe(18446744073709551615n);
    expect(fake.storage.at(String(seen[0]?.inputs['photo']))?.equals(PNG)).toBe(true);
    expect((await generations.rerun(id, ACCOUNT)).status).toBe('queued');
  });

  test('goes on after a restart, found by the id that the backend chose', async () => {
    const gate = new Latch();
    const fake = await deployments.fake({ machine: heldBy(gate) });
    const db = await createDb();
    const first = await deployments.node(db, fake, { mediaRoot: folder() });
    const { id } = await first.generations.submit(ask(fake.deploy(GRAPH).id));
    await gate.reached;
    await expect.poll(async () => (await attempts(db))[0]?.backend_run_id).toBe(fake.runs.all()[0]?.id);
    await first.stop();
    // Now only the stored id leads to it.
    fake.setFaults({ withoutRunList: true });
    const second = await deployments.node(db, fake);
    gate.open();
    expect(await second.generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(fake.requests.filter((route) => route === SUBMIT)).toHaveLength(1);
  });

  test('whose submit went unanswered is found by its mark and not sent again', async () => {
    const fake = await deployments.fake({ machine: picture });
    const { id: deploymentId } = fake.deploy(GRAPH);
    fake.setFaults({ dropAcceptedSubmits: { count: 1 } });
    const db = await createDb();
    const { generations } = await deployments.node(db, fake);
    const { id } = await generations.submit(ask(deploymentId));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(fake.requests.filter((route) => route === SUBMIT)).toHaveLength(1);
    expect((await attempts(db))[0]?.backend_run_id).toBe(fake.runs.all()[0]?.id);
  });

  test('whose submit got lost on the way there is sent again, but not before that is certain', async () => {
    const fake = await deployments.fake({ machine: picture });
    const { id: deploymentId } = fake.deploy(GRAPH);
    fake.setFaults({ errors: [{ route: SUBMIT, status: 502, count: 1 }] });
    const db = await createDb();
    const { generations } = await deployments.node(db, fake);
    const startedAt = Date.now();
    const { id } = await generations.submit(ask(deploymentId));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(300);
    expect((await attempts(db)).map((attempt) => attempt.status)).toEqual(['lost', 'succeeded']);
  });

  test('whose fate cannot be found out fails and is not sent again', async () => {
    const fake = await deployments.fake({ machine: picture });
    const { id: deploymentId } = fake.deploy(GRAPH);
    fake.setFaults({ dropAcceptedSubmits: { count: 1 }, withoutRunList: true });
    const { generations } = await deployments.node(await createDb(), fake, {
      generations: { limits: { silenceMs: 400, cancelMs: 100 } },
    });
    const { id } = await generations.submit(ask(deploymentId));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'failed',
      error: { code: 'submit_uncertain' },
    });
    expect(fake.requests.filter((route) => route === SUBMIT)).toHaveLength(1);
  });

  test('that could not be handed to its machine is tried again', async () => {
    const fake = await deployments.fake({ machine: picture });
    fake.setFaults({ failedHandOvers: { count: 1 } });
    const { generations } = await deployments.node(await createDb(), fake);
    const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    expect(fake.runs.all().map((run) => run.status)).toEqual(['failed', 'success']);
  });

  test('waits as long as a crowded server asks for', async () => {
    const fake = await deployments.fake({ machine: picture });
    fake.setFaults({ errors: [{ route: SUBMIT, status: 429, count: 1, retryAfterS: 1 }] });
    const { generations } = await deployments.node(await createDb(), fake);
    const startedAt = Date.now();
    const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(950);
  });

  test.each([
    ['failed', 'node_failed', async () => Promise.reject(new Error('kept to itself'))],
    ['shows no output', 'outputs_missing', async () => []],
  ] as const)('that %s says what can be said, and is not run again', async (_, code, machine) => {
    const fake = await deployments.fake({ machine });
    const { generations } = await deployments.node(await createDb(), fake);
    const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
    const { error, status } = await generations.wait(id, ACCOUNT);
    expect({ status, code: error?.code }).toEqual({ status: 'failed', code });
    expect(error?.hint).toContain(fake.runs.all()[0]?.id);
    expect(fake.runs.all()).toHaveLength(1);
  });

  test('of a deployment that does not exist, or with inputs it refuses, fails at once', async () => {
    const fake = await deployments.fake({ machine: picture });
    const { generations } = await deployments.node(await createDb(), fake);
    const { id } = await generations.submit(ask('3b7c9d6e-0000-4000-8000-000000000000'));
    expect((await generations.wait(id, ACCOUNT)).error).toMatchObject({ code: 'deployment_missing' });
    await expect(generations.submit(ask('x', { nested: {} }))).rejects.toMatchObject({ code: 'request_invalid' });
    await expect(generations.submit({ accountId: ACCOUNT })).rejects.toMatchObject({ code: 'request_invalid' });
    await expect(generations.submit({ ...ask('x'), graph: GRAPH })).rejects.toMatchObject({ code: 'request_invalid' });
  });

  test('is stopped where it runs, and a graph is never taken by such a backend', async () => {
    const gate = new Latch();
    const fake = await deployments.fake({ machine: heldBy(gate) });
    const { generations } = await deployments.node(await createDb(), fake);
    const graph = await generations.submit({ accountId: ACCOUNT, graph: GRAPH });
    const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
    await gate.reached;
    await generations.cancel(id, ACCOUNT);
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'cancelled',
      error: { details: { verified: true } },
    });
    expect(fake.runs.all().map((run) => run.status)).toEqual(['cancelled']);
    expect((await generations.get(graph.id, ACCOUNT)).status).toBe('queued');
  });

  test('that cannot be stopped where it runs ends here at the limit, told as not verified', async () => {
    const gate = new Latch();
    const fake = await deployments.fake({ machine: heldBy(gate) });
    fake.setFaults({ refusesCancel: true });
    const { generations } = await deployments.node(await createDb(), fake, {
      generations: { limits: { cancelMs: 300 } },
    });
    const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
    await gate.reached;
    await generations.cancel(id, ACCOUNT);
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'cancelled',
      error: { details: { verified: false } },
    });
    expect(fake.runs.all().map((run) => run.status)).toEqual(['running']);
    expect(fake.requests.filter((route) => route === 'POST /run/{id}/cancel').length).toBeGreaterThan(1);
    gate.open();
  });

  test('of which the address of a private file has expired is read anew', async () => {
    const fake = await deployments.fake({ machine: picture });
    // Expired before it is opened, so that the first download is refused; later ones live long enough.
    fake.storage.urlLifetimeMs = 0;
    const { generations } = await deployments.node(await createDb(), fake, {
      backend: {
        fetch: async (url, init) => {
          const answer = await fetch(url, init);
          fake.storage.urlLifetimeMs = 60_000;
          return answer;
        },
      },
    });
    const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
  });

  test('does not fetch files from hosts that are not allowed', async () => {
    const fake = await deployments.fake({ machine: picture });
    const { generations } = await deployments.node(await createDb(), fake, {
      backend: { fileHosts: ['files.example.com', '*.storage.example.com'] },
    });
    const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
    expect((await generations.wait(id, ACCOUNT)).error).toMatchObject({ code: 'outbound_forbidden' });
    expect(fake.requests).not.toContain('GET /files');
  });

  test.each(['normal', 'early', 'double', 'reversed'] as const)(
    'ends by webhooks alone (%s), whichever node they reach',
    async (webhooks) => {
      const gate = new Latch();
      const fake = await deployments.fake({ machine: heldBy(gate) });
      fake.setFaults({ webhooks });
      const db = await createDb();
      const receiver = await deployments.receiver(db);
      const { generations } = await deployments.node(db, fake, {
        publicUrl: receiver.url,
        backend: { timing: { pollMs: 60_000, maxPollMs: 60_000, safetyPollMs: 60_000 } },
      });
      const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
      await gate.reached;
      gate.open();
      expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
      expect(fake.requests.filter((route) => route === 'GET /run/{id}').length).toBeLessThan(12);
      expect(receiver.received).toContain('success');
    },
  );

  test('whose submit went unanswered is found by its webhook where there is no list of runs', async () => {
    const fake = await deployments.fake({ machine: picture });
    fake.setFaults({ dropAcceptedSubmits: { count: 1 }, withoutRunList: true });
    const db = await createDb();
    const receiver = await deployments.receiver(db);
    const { generations } = await deployments.node(db, fake, { publicUrl: receiver.url });
    const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(fake.runs.all()).toHaveLength(1);
  });

  test('is polled where webhooks do not arrive', async () => {
    const fake = await deployments.fake({ machine: picture });
    const { generations } = await deployments.node(await createDb(), fake, { publicUrl: 'http://127.0.0.1:9' });
    const { id } = await generations.submit(ask(fake.deploy(GRAPH).id));
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
  });

  test('believes no report: a path that was not given out is refused, a foreign run is not taken', async () => {
    const gate = new Latch();
    const fake = await deployments.fake({ machine: heldBy(gate) });
    fake.setFaults({ webhooks: 'never', dropAcceptedSubmits: { count: 1 }, withoutRunList: true });
    const db = await createDb();
    const { generations, reports } = await deployments.node(db, fake, { publicUrl: 'http://127.0.0.1:9' });
    const deployment = fake.deploy(GRAPH);
    const { id } = await generations.submit(ask(deployment.id));
    await gate.reached;
    const [attempt] = await attempts(db);
    const url = await reports.urlOf(attempt!.id);
    const token = url!.split('/').pop()!;
    expect(await reports.receive(`${attempt!.id}.${'A'.repeat(32)}`, 'run')).toBe(false);
    expect(await reports.receive('', null)).toBe(false);
    // Somebody else's run that succeeded, named under the right path.
    const foreign = fake.runs.create(deployment.id, { easel_attempt: 'another' }, null);
    fake.runs.move(foreign, 'success');
    expect(await reports.receive(token, foreign.id)).toBe(true);
    expect(await reports.receive(token, fake.runs.all()[0]!.id)).toBe(true);
    gate.open();
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded' });
    expect((await attempts(db))[0]?.backend_run_id).toBe(fake.runs.all()[0]?.id);
    // After the end a report is heard and changes nothing.
    expect(await reports.receive(token, foreign.id)).toBe(true);
    expect(await generations.get(id, ACCOUNT)).toMatchObject({ status: 'succeeded' });
  });
});
