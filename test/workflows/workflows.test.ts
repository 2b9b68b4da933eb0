import { expect, test } from 'vitest';
import type { EaselError } from '../../src/core/errors.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { pictureFile } from '../helpers/picture-graph.js';
import { openWorkflows } from './harness.js';

async function failure(work: Promise<unknown>): Promise<EaselError> {
  return work.then(
    () => expect.fail('it was accepted'),
    (error: EaselError) => error,
  );
}

describeEachDatabase('workflows', ({ createDb }) => {
  test('a version is its content: the same content is no new version, other content is', async () => {
    const workflows = openWorkflows(await createDb());
    const first = await workflows.add({ name: 'cat', file: pictureFile() });
    expect(first).toMatchObject({ isNew: true, version: { number: 1, workflow: 'cat' } });
    const again = await workflows.add({ name: 'cat', file: pictureFile() });
    expect(again).toMatchObject({ isNew: false, version: { number: 1, hash: first.version.hash } });
    const other = await workflows.add({ name: 'cat', file: pictureFile({ steps: 30 }), note: 'more steps' });
    expect(other).toMatchObject({ isNew: true, version: { number: 2, note: 'more steps' } });
    const back = await workflows.add({ name: 'cat', file: pictureFile() });
    expect(back).toMatchObject({ isNew: false, version: { number: 1 }, workflow: { latest: { number: 1 } } });
    const versions = await workflows.versions('cat');
    expect(versions.map(({ number, isLatest }) => [number, isLatest])).toEqual([
      [2, false],
      [1, true],
    ]);
  });

  test('many adds at once: each content one version, numbers without gaps', async () => {
    const workflows = openWorkflows(await createDb());
    const steps = [1, 2, 3, 4, 1, 2, 3, 4];
    await Promise.all(steps.map((count) => workflows.add({ name: 'cat', file: pictureFile({ steps: count }) })));
    const versions = await workflows.versions('cat');
    expect(versions.map(({ number }) => number)).toEqual([4, 3, 2, 1]);
  });

  test('a version is meant by number, hash, label, and by nothing', async () => {
    const workflows = openWorkflows(await createDb());
    const { version: one } = await workflows.add({ name: 'cat', file: pictureFile() });
    const { version: two } = await workflows.add({ name: 'cat', file: pictureFile({ steps: 9 }) });
    const numberOf = async (reference?: string) => (await workflows.version('cat', reference)).number;
    expect(await numberOf()).toBe(2);
    await workflows.labels.set('cat', 'production', '1');
    expect(await numberOf()).toBe(1);
    expect(await numberOf('latest')).toBe(2);
    expect(await numberOf('v2')).toBe(2);
    expect(await numberOf('production')).toBe(1);
    expect(await numberOf(one.hash)).toBe(1);
    expect(await numberOf(two.hash.slice(0, 8))).toBe(2);
    expect(await failure(workflows.version('cat', 'prodution'))).toMatchObject({
      code: 'workflow_version_unknown',
      hint: 'Did you mean "production"?',
    });
    expect(await failure(workflows.version('cat', '7'))).toMatchObject({
      code: 'workflow_version_unknown',
      hint: 'Its latest version is 2; its labels are production.',
    });
    expect(await failure(workflows.version('cta'))).toMatchObject({
      code: 'workflow_unknown',
      hint: 'Did you mean "cat"?',
    });
  });

  test('a label goes back the way it came, past what was rolled back before', async () => {
    const workflows = openWorkflows(await createDb());
    for (const steps of [1, 2, 3]) await workflows.add({ name: 'cat', file: pictureFile({ steps }) });
    const { labels } = workflows;
    const at = async () => (await workflows.version('cat', 'production')).number;
    await labels.set('cat', 'production', '1');
    await labels.set('cat', 'production', '2');
    await labels.set('cat', 'production', '2');
    await labels.rollback('cat', 'production');
    expect(await at()).toBe(1);
    await labels.set('cat', 'production', '3');
    await labels.rollback('cat', 'production');
    expect(await at()).toBe(1);
    expect(await failure(labels.rollback('cat', 'production'))).toMatchObject({ code: 'workflow_label_invalid' });
    expect(await at()).toBe(1);
    await labels.remove('cat', 'production');
    expect((await workflows.get('cat')).labels).toEqual({});
    for (const label of ['latest', 'v3', '12', 'deadbeef', 'Ü', '']) {
      expect(await failure(labels.set('cat', label, '1'))).toMatchObject({ code: 'workflow_label_invalid' });
    }
  });

  test('a label that deployments follow stays, and they are named', async () => {
    const workflows = openWorkflows(await createDb());
    const { labels, deployments } = workflows;
    for (const name of ['cat', 'dog']) await workflows.add({ name, file: pictureFile(), labels: ['staging'] });
    const on = await deployments.add({ workflow: 'cat', version: 'staging' });
    const off = await deployments.add({ workflow: 'cat', version: 'staging', enabled: false });
    for (const version of ['1', null]) await deployments.add({ workflow: 'cat', version });
    await labels.remove('dog', 'staging');
    expect(await failure(labels.remove('cat', 'staging'))).toMatchObject({
      code: 'workflow_label_invalid',
      message: expect.stringContaining(`(${on.id}, ${off.id})`),
      details: { deployments: [on.id, off.id] },
    });
    expect((await workflows.version('cat', 'staging')).number).toBe(1);
    await deployments.update(on.id, { version: '1' });
    await deployments.remove(off.id);
    await labels.remove('cat', 'staging');
    expect((await workflows.get('cat')).labels).toEqual({});
  });

  test('a label taken away while a deployment comes to follow it: one of the two is refused', async () => {
    const db = await createDb();
    const workflows = openWorkflows(db);
    const { labels, deployments } = workflows;
    for (let round = 0; round < 10; round += 1) {
      await workflows.add({ name: `cat-${round}`, file: pictureFile(), labels: ['staging'] });
      const done = await Promise.allSettled([
        deployments.add({ workflow: `cat-${round}`, version: 'staging' }),
        labels.remove(`cat-${round}`, 'staging'),
      ]);
      expect(done.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    }
  });

  test('labels moved at once end at one version', async () => {
    const workflows = openWorkflows(await createDb());
    for (const steps of [1, 2, 3, 4]) await workflows.add({ name: 'cat', file: pictureFile({ steps }) });
    await Promise.all(['1', '2', '3', '4'].map((version) => workflows.labels.set('cat', 'staging', version)));
    const versions = await workflows.versions('cat');
    expect(versions.filter(({ labels }) => labels.includes('staging'))).toHaveLength(1);
    // Three steps back, one for each move but the first.
    for (let i = 0; i < 3; i++) await workflows.labels.rollback('cat', 'staging');
    expect(await failure(workflows.labels.rollback('cat', 'staging'))).toMatchObject({
      code: 'workflow_label_invalid',
    });
  });

  test('aliases find the workflow, and never mean two', async () => {
    const workflows = openWorkflows(await createDb());
    await workflows.add({
      name: 'cat',
      file: pictureFile(),
      manifest: { aliases: ['puss', 'Kätzchen'], type: 'txt2img' },
    });
    expect((await workflows.get('Ka\u0308tzchen')).name).toBe('cat');
    expect(await workflows.list({ type: 'make' })).toMatchObject([{ name: 'cat', type: 'MAKE' }]);
    for (const manifest of [{ aliases: ['puss'] }, { aliases: ['cat'] }, { name: 'puss' }, { aliases: ['dog'] }]) {
      expect(await failure(workflows.add({ name: 'dog', file: pictureFile(), manifest }))).toMatchObject({
        code: 'workflow_name_taken',
      });
    }
    expect(await workflows.list()).toHaveLength(1);
    await workflows.add({ name: 'cat', file: pictureFile(), manifest: { aliases: ['tabby'] } });
    expect(await failure(workflows.get('puss'))).toMatchObject({ code: 'workflow_unknown' });
    expect((await workflows.get('tabby')).aliases).toEqual(['tabby']);
  });

  test('what is turned off takes no requests; what is removed is gone with all that is its own', async () => {
    const db = await createDb();
    const workflows = openWorkflows(db);
    await workflows.add({ name: 'cat', file: pictureFile(), manifest: { aliases: ['puss'] }, labels: ['production'] });
    await workflows.deployments.add({ workflow: 'cat' });
    await workflows.setEnabled('puss', false);
    const request = { workflow: 'cat', inputs: {}, accountId: 'a' };
    expect(await failure(workflows.prepare(request))).toMatchObject({ code: 'workflow_disabled' });
    await workflows.setEnabled('cat', true);
    expect((await workflows.prepare(request)).version.number).toBe(1);
    await workflows.remove('cat');
    expect(await failure(workflows.get('puss'))).toMatchObject({ code: 'workflow_unknown' });
    for (const table of ['workflow_versions', 'workflow_labels', 'workflow_aliases', 'workflow_deployments'] as const) {
      expect(await db.kysely.selectFrom(table).selectAll().execute(), table).toEqual([]);
    }
  });

  test('seeds that count up: one each, also for requests at the same moment, and round at the end', async () => {
    const workflows = openWorkflows(await createDb());
    const manifest = { inputs: [{ name: 'seed', seed: 'increment', default: 18446744073709551614n }] };
    await workflows.add({ name: 'cat', file: pictureFile(), manifest });
    const draw = async (accountId: string) =>
      (await workflows.prepare({ workflow: 'cat', inputs: {}, accountId })).inputs['seed'];
    expect(await draw('a')).toBe(18446744073709551614n);
    expect(await draw('a')).toBe(18446744073709551615n);
    const drawn = await Promise.all([draw('a'), draw('a'), draw('a'), draw('a')]);
    expect(drawn.map(Number).sort()).toEqual([0, 1, 2, 3]);
    expect(await draw('b')).toBe(18446744073709551614n);
    await failure(workflows.prepare({ workflow: 'cat', inputs: { nonsense: 1 }, accountId: 'a' }));
    expect(await draw('a')).toBe(4);
  });

  test('deployments: a label is followed, a number is pinned, an id is replaced', async () => {
    const workflows = openWorkflows(await createDb());
    const { version } = await workflows.add({ name: 'cat', file: pictureFile(), labels: ['staging'] });
    const { deployments } = workflows;
    const target = { kind: 'comfydeploy', backendId: null, deploymentId: 'd1' } as const;
    const one = await deployments.add({ workflow: 'cat', version: 'staging', contexts: ['api', 'cook'], target });
    expect(one).toMatchObject({ version: 'staging', contexts: ['api', 'cook'], target, weight: 100, enabled: true });
    const two = await deployments.update(one.id, { version: '1', weight: 0, target: { kind: 'any' }, enabled: false });
    expect(two).toMatchObject({ version: version.hash, weight: 0, target: { kind: 'any' }, enabled: false });
    await deployments.add({ id: one.id, workflow: 'cat', target: { kind: 'backend', backendId: 'gpu' } });
    expect(await deployments.list({ workflow: 'cat' })).toMatchObject([
      { id: one.id, target: { kind: 'backend', backendId: 'gpu' }, contexts: ['any'], version: null },
    ]);
    expect(await failure(deployments.add({ workflow: 'cat', weight: -1 }))).toMatchObject({ code: 'request_invalid' });
    expect(await failure(deployments.add({ workflow: 'cat', contexts: ['a,b'] }))).toMatchObject({
      code: 'request_invalid',
    });
    await deployments.remove(one.id);
    expect(await failure(deployments.remove(one.id))).toMatchObject({ code: 'deployment_unknown' });
  });
});
