import { describe, expect, test } from 'vitest';
import type { Deployment, DeploymentTarget } from '../../src/workflows/index.js';
import { type Candidate, type ChoiceRequest, choose, sentenceOf } from '../../src/workflows/index.js';
import { backendRow } from '../db/rows.js';
import { GRAPH } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { openWorkflows } from './harness.js';

const deployment = (id: string, more: Partial<Deployment> = {}): Deployment => ({
  ...{ id, workflow: 'portrait', version: null, contexts: ['any'], weight: 100, enabled: true, source: 'api' },
  ...{ target: { kind: 'backend', backendId: `gpu-${id}` } as DeploymentTarget, createdAt: 0, updatedAt: 0 },
  ...more,
});
const well = (id: string, more: Partial<Deployment> = {}, load = 0): Candidate => ({
  deployment: deployment(id, more),
  health: { isWell: true, state: 'ready', load },
});
const down = (id: string, more: Partial<Deployment> = {}): Candidate => ({
  deployment: deployment(id, more),
  health: { isWell: false, state: 'unreachable', load: 0 },
});

/** Contexts × health × preference: who is chosen, by which rule, in which words. */
const TABLE: [name: string, Candidate[], Partial<ChoiceRequest>, string | null, string][] = [
  ['nothing deployed', [], {}, null, ''],
  ['the only one', [well('a')], {}, 'a', 'portrait on gpu-a: the only one for interactive that is well.'],
  ['one is down', [down('a'), well('b')], {}, 'b', 'portrait on gpu-b: the only one for interactive that is well.'],
  [
    'all are down: it waits',
    [down('a'), down('b')],
    {},
    'a',
    'portrait on gpu-a: none for interactive is well now (this one: unreachable), so it waits.',
  ],
  [
    'by lot, first half',
    [well('a'), well('b')],
    {},
    'a',
    'portrait on gpu-a: drawn by weight and load among 2 that are well.',
  ],
  [
    'weight counts',
    [well('a', { weight: 1 }), well('b', { weight: 1000 })],
    {},
    'b',
    'portrait on gpu-b: drawn by weight and load among 2 that are well.',
  ],
  [
    'load counts',
    [well('a', {}, 9), well('b')],
    {},
    'b',
    'portrait on gpu-b: drawn by weight and load among 2 that are well.',
  ],
  [
    'for another context',
    [well('a', { contexts: ['cook'] }), well('b', { contexts: ['interactive'] })],
    {},
    'b',
    'portrait on gpu-b: the only one for interactive that is well.',
  ],
  ['only for other contexts', [well('a', { contexts: ['cook'] })], { context: 'api' }, null, ''],
  [
    'any may use all',
    [well('a', { contexts: ['cook'] })],
    { context: 'any' },
    'a',
    'portrait on gpu-a: the only one for any that is well.',
  ],
  ['turned off', [well('a', { enabled: false })], {}, null, ''],
  [
    'preferred by its id',
    [well('a'), well('b')],
    { preference: 'b' },
    'b',
    'portrait on gpu-b: it is preferred, may be used for interactive, and is ready.',
  ],
  [
    'preferred by its backend',
    [well('a'), well('b')],
    { preference: 'gpu-b' },
    'b',
    'portrait on gpu-b: it is preferred, may be used for interactive, and is ready.',
  ],
  [
    'preferred by the account',
    [well('a'), well('b')],
    { preference: 'gpu-b', isStoredPreference: true },
    'b',
    'portrait on gpu-b: it is preferred by the account, may be used for interactive, and is ready.',
  ],
  [
    'the one that the account prefers is down',
    [well('a'), down('b')],
    { preference: 'gpu-b', isStoredPreference: true },
    'a',
    'portrait on gpu-a: the only one for interactive that is well. The one that the account prefers cannot be used now.',
  ],
  [
    'the preferred one is down',
    [well('a'), down('b')],
    { preference: 'b' },
    'a',
    'portrait on gpu-a: the only one for interactive that is well. The preferred one cannot be used now.',
  ],
  [
    'the preferred one is for another context',
    [well('a'), well('b', { contexts: ['cook'] })],
    { preference: 'b' },
    'a',
    'portrait on gpu-a: the only one for interactive that is well. The preferred one cannot be used now.',
  ],
  [
    'quick takes the idle one',
    [well('a', { weight: 1000 }, 2), well('b', { weight: 1 }, 0)],
    { context: 'quick' },
    'b',
    'portrait on gpu-b: it has least to do among 2 that are well.',
  ],
  [
    'a spare one, when no other is well',
    [down('a'), well('b', { weight: 0 })],
    {},
    'b',
    'portrait on gpu-b: a spare one of weight 0, because no other for interactive is well.',
  ],
  [
    'the spare one stays spare',
    [well('a'), well('b', { weight: 0 })],
    {},
    'a',
    'portrait on gpu-a: the only one for interactive that is well.',
  ],
  [
    'sticky',
    [well('a'), down('b')],
    { stickyKey: 'ada' },
    'a',
    'portrait on gpu-a: this key gets it as long as it is well, and it is ready.',
  ],
  [
    'preferred before sticky',
    [well('a'), well('b')],
    { stickyKey: 'ada', preference: 'gpu-b' },
    'b',
    'portrait on gpu-b: it is preferred, may be used for interactive, and is ready.',
  ],
  [
    'all are down, the preferred one too',
    [down('a'), down('b')],
    { preference: 'b' },
    'a',
    'portrait on gpu-a: none for interactive is well now (this one: unreachable), so it waits. The preferred one cannot be used now.',
  ],
  [
    'what is turned off or for others is not waited for',
    [down('a', { enabled: false }), down('b', { contexts: ['cook'] }), down('c', { weight: 0 })],
    {},
    'c',
    'portrait on gpu-c: none for interactive is well now (this one: unreachable), so it waits.',
  ],
  [
    'a ComfyDeploy deployment',
    [well('a', { target: { kind: 'comfydeploy', backendId: null, deploymentId: 'dep_1' } })],
    {},
    'a',
    'portrait as ComfyDeploy deployment dep_1: the only one for interactive that is well.',
  ],
];

describe('the choice', () => {
  test.each(TABLE)('%s', (_, candidates, more, id, sentence) => {
    const request = { context: 'interactive', ...more };
    const choice = choose(candidates, request, () => 0.3);
    expect(choice?.candidate.deployment.id ?? null).toBe(id);
    expect(choice === null ? '' : sentenceOf(choice, request)).toBe(sentence);
    expect(choice?.considered.length ?? 0).toBe(choice === null ? 0 : candidates.length);
  });

  test('is spread by weight', () => {
    const candidates = [well('a', { weight: 100 }), well('b', { weight: 300 })];
    let count = 0;
    for (let step = 0; step < 1000; step += 1) {
      if (choose(candidates, { context: 'api' }, () => (step + 0.5) / 1000)?.candidate.deployment.id === 'b')
        count += 1;
    }
    expect(count).toBe(750);
  });

  test('is sticky, spread over keys, and moves only whom it must', () => {
    const all = ['a', 'b', 'c', 'd'].map((id) => well(id));
    const keys = Array.from({ length: 2000 }, (_, index) => `account-${index}`);
    const of = (candidates: Candidate[], stickyKey: string) =>
      choose(candidates, { context: 'api', stickyKey }, () => 0)?.candidate.deployment.id;
    const before = keys.map((key) => of(all, key));
    expect(keys.map((key) => of([...all].reverse(), key))).toEqual(before);
    for (const id of ['a', 'b', 'c', 'd']) {
      const share = before.filter((each) => each === id).length / keys.length;
      expect(share).toBeGreaterThan(0.21);
      expect(share).toBeLessThan(0.29);
    }
    const without = keys.map((key) => of(all.slice(1), key));
    const moved = keys.filter((_, index) => before[index] !== without[index]);
    expect(moved.length).toBe(before.filter((each) => each === 'a').length);
  });
});

describeEachDatabase('selection', ({ createDb }) => {
  test('by type, from what the backends are', async () => {
    const db = await createDb();
    const now = Date.now();
    const backend = (id: string, state: string) => ({
      ...backendRow(id),
      ...{ kind: 'comfyui', state, desired: 'active' as const, lease_until: now + 60_000 },
    });
    await db.transaction((tx) =>
      tx
        .insertInto('backends')
        .values([backend('gpu-1', 'ready'), backend('gpu-2', 'unreachable')])
        .execute(),
    );
    const workflows = openWorkflows(db);
    const manifest = { type: 'MAKE', inputs: [{ name: 'width', target: '1.width', required: true }] };
    await workflows.add({ name: 'portrait', file: { format: 'api', graph: GRAPH }, manifest });
    await workflows.add({ name: 'landscape', file: { format: 'api', graph: GRAPH }, manifest: { type: 'MAKE' } });

    // Deployed nowhere, they may go anywhere.
    const implied = await workflows.getDeploymentIdByType('txt2img');
    expect(implied).toMatchObject({ type: 'MAKE', requiredInputs: [] });
    expect(implied.deploymentIds).toHaveLength(2);
    expect(implied.workflows.find(({ name }) => name === 'portrait')?.requiredInputs.map(({ name }) => name)).toEqual([
      'width',
    ]);
    expect((await workflows.select('MAKE')).deployment.source).toBe('implied');

    await workflows.setEnabled('landscape', false);
    const first = await workflows.deployments.add({
      workflow: 'portrait',
      target: { kind: 'backend', backendId: 'gpu-1' },
    });
    const second = await workflows.deployments.add({
      workflow: 'portrait',
      target: { kind: 'backend', backendId: 'gpu-2' },
      contexts: ['interactive', 'cook'],
    });
    const found = await workflows.getDeploymentIdByType('MAKE');
    expect(found.deploymentIds).toEqual([first.id, second.id]);
    expect(found.requiredInputs.map(({ name }) => name)).toEqual(['width']);
    // Those of the version that runs there, and not of the one that the workflow would take by itself.
    const both = [...manifest.inputs, { name: 'height', target: '1.height', required: true }];
    const file = { format: 'api', graph: GRAPH } as const;
    await workflows.add({ name: 'portrait', file, manifest: { ...manifest, inputs: both }, labels: ['tall'] });
    const required = async () => (await workflows.getDeploymentIdByType('MAKE')).requiredInputs.map(({ name }) => name);
    expect(await required()).toEqual(['width', 'height']);
    await workflows.deployments.update(first.id, { version: '1' });
    expect(await required()).toEqual(['width']);
    await workflows.deployments.update(first.id, { version: 'tall' });
    await workflows.deployments.update(second.id, { version: 'tall' });
    await workflows.add({ name: 'portrait', file, manifest });
    expect(await required()).toEqual(['width', 'height']);
    await workflows.deployments.update(second.id, { version: '1' });
    expect(await required()).toEqual(['width']);

    const selection = await workflows.select('make', { preference: second.id });
    expect(selection.deployment.id).toBe(first.id);
    expect(selection.reason.considered).toMatchObject([
      { verdict: 'chosen' },
      { verdict: 'not_well', state: 'unreachable' },
    ]);
    expect(selection.sentence).toContain('The preferred one cannot be used now.');

    await workflows.deployments.update(first.id, { contexts: ['api'] });
    expect((await workflows.select('MAKE', { context: 'cook' })).reason.rule).toBe('waiting');
    await expect(workflows.select('MAKE', { context: 'night' })).rejects.toMatchObject({
      code: 'deployment_none',
      hint: expect.stringContaining('api, cook, interactive'),
    });
    // However many workflows come before it by name.
    const others = Array.from({ length: 600 }, (_, index) => ({
      ...{ name: `a-${index}`, title: null, description: null, type: 'OTHER', source: 'api', latest_hash: 'none' },
      ...{ enabled: 1, version_count: 0, created_at: now, updated_at: now, gone_at: null },
    }));
    await db.transaction((tx) => tx.insertInto('workflows').values(others).execute());
    expect((await workflows.getDeploymentIdByType('make')).deploymentIds).toEqual([first.id, second.id]);
    expect(await workflows.types()).toEqual(['MAKE', 'OTHER']);
    await expect(workflows.getDeploymentIdByType('MAEK')).rejects.toMatchObject({
      code: 'workflow_type_unknown',
      hint: 'Did you mean MAKE?',
    });
  });
});
