import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Graph } from '../../src/graph/index.js';
import { GRAPH } from '../generations/harness.js';
import { type WholeServer, wholeServer } from '../http/whole.js';

/** Its width has a marker node, and its height none. */
const MARKED: Graph = {
  ...GRAPH,
  '1': { class_type: 'EmptyImage', inputs: { ...GRAPH['1']!.inputs, width: ['2', 0] } },
  '2': { class_type: 'ComfyUIDeployExternalNumberInt', inputs: { input_id: 'breadth', default_value: 32 } },
  '3': { class_type: 'ComfyUIDeployExternalText', inputs: { input_id: 'words', default_value: 'a cat' } },
};

/** A request by the name of a workflow goes where the workflow is deployed, and says why. */
describe('a deployed workflow', () => {
  let server: WholeServer;
  beforeAll(async () => {
    server = await wholeServer();
    server.backend.autoFinish = () => [];
    const manifest = { type: 'MAKE', inputs: [{ name: 'width', target: '1.width', required: true }] };
    await server.easel.workflows.add({ name: 'portrait', file: { format: 'api', graph: GRAPH }, manifest });
  });
  afterAll(() => server.close());

  const submit = (body: object = {}) =>
    server.app.inject({
      method: 'POST',
      url: '/v1/workflows/portrait/generations',
      payload: { inputs: { width: 64 }, ...body },
    });
  const queued = async (id: string) => {
    for await (const event of server.easel.generations.events(id, 'local', { live: false })) return event.data;
    return null;
  };

  test('goes to its backend', async () => {
    const { deployments } = server.easel.workflows;
    const here = await deployments.add({ workflow: 'portrait', target: { kind: 'backend', backendId: 'fake' } });
    const answer = await submit();
    expect(answer.statusCode, answer.body).toBe(202);
    const { id } = answer.json() as { id: string };
    const row = await server.easel.db.kysely
      .selectFrom('generations')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    expect(row?.backend_pin).toBe('fake');
    expect(await queued(id)).toMatchObject({
      selection: { deploymentId: here.id, sentence: expect.stringContaining('portrait on fake') },
    });
    const asked = await server.app.inject('/v1/types/make/selection');
    expect(asked.json()).toMatchObject({ deployment_id: here.id, workflow: 'portrait' });
    expect((await server.app.inject('/v1/types/MAKE')).json()).toMatchObject({
      deployment_ids: [here.id],
      required_inputs: [{ name: 'width' }],
    });
    await deployments.remove(here.id);
  });

  test('without deployments goes anywhere, and says why what is preferred counts for nothing', async () => {
    const { id } = (await submit({ preference: 'fake' })).json() as { id: string };
    expect(await queued(id)).toMatchObject({
      selection: { sentence: expect.stringMatching(/^portrait on any backend: .* the workflow has no deployments\.$/) },
    });
    const plain = (await submit()).json() as { id: string };
    expect(await queued(plain.id)).not.toHaveProperty('selection');
    // Its own name for that: what GET /v1/types/make calls it.
    const type = (await server.app.inject('/v1/types/make')).json() as { deployment_ids: string[] };
    const named = (await submit({ preference: type.deployment_ids[0] })).json() as { id: string };
    expect(await queued(named.id)).toMatchObject({ selection: { rule: 'preference' } });
  });

  test('goes where the account prefers, unless the request says something else', async () => {
    const { deployments } = server.easel.workflows;
    const weight = 0;
    const here = await deployments.add({
      workflow: 'portrait',
      target: { kind: 'backend', backendId: 'fake' },
      weight,
    });
    const other = await deployments.add({ workflow: 'portrait' });
    const sentenceOf = async (body: object) =>
      (await queued(((await submit(body)).json() as { id: string }).id)) as object;
    expect(await sentenceOf({})).toMatchObject({ selection: { deploymentId: other.id, rule: 'weight' } });
    const { session } = await server.easel.sessions.getOrCreate({
      platform: 'account',
      userId: 'local',
      accountId: 'local',
    });
    await server.easel.sessions.update(session.id, { backend: 'fake' });
    expect(await sentenceOf({})).toMatchObject({
      selection: {
        deploymentId: here.id,
        sentence: expect.stringContaining('on fake: it is preferred by the account'),
      },
    });
    expect(await sentenceOf({ preference: other.id })).toMatchObject({ selection: { deploymentId: other.id } });
    // A wish, and no demand.
    await server.easel.sessions.update(session.id, { backend: 'gone' });
    expect(await sentenceOf({})).toMatchObject({
      selection: {
        deploymentId: other.id,
        sentence: expect.stringContaining('that the account prefers cannot be used'),
      },
    });
    for (const { id } of [here, other]) await deployments.remove(id);
    expect(await sentenceOf({})).toMatchObject({
      selection: { sentence: expect.stringContaining('What the account prefers counts for nothing') },
    });
    await server.easel.sessions.update(session.id, { backend: null });
  });

  test('goes to its ComfyDeploy deployment with the bound values, by input_id, and without a graph', async () => {
    const { deployments } = server.easel.workflows;
    const manifest = {
      inputs: [
        { name: 'width', from: 'breadth', required: true },
        { name: 'prompt', from: 'words', prompt: { base: 'soft light' } },
        { name: 'height', target: '1.height', default: 48 },
      ],
    };
    await server.easel.workflows.add({ name: 'portrait', file: { format: 'api', graph: MARKED }, manifest });
    const target = { kind: 'comfydeploy', backendId: null, deploymentId: 'dep_1' } as const;
    const there = await deployments.add({ workflow: 'portrait', target, contexts: ['cook'] });
    // Not for this context: refused, and the contexts that there are are named.
    expect((await submit()).json()).toMatchObject({ code: 'deployment_none', hint: expect.stringContaining('cook') });
    // Each would be lost there without a word.
    const lost = { inputs: { width: 64, height: 9, prompt: 'a fox <lora:ink:0.8>' }, lane: 'batch' };
    expect((await submit(lost)).json()).toMatchObject({
      code: 'workflow_input_invalid',
      errors: [
        { pointer: '#/inputs/height', detail: expect.stringContaining('1.height is at none') },
        { pointer: '#/inputs/prompt', detail: expect.stringContaining('names a LoRA') },
      ],
    });
    const { id } = (await submit({ inputs: { width: 64, prompt: 'a fox' }, lane: 'batch' })).json() as { id: string };
    const row = await server.easel.db.kysely
      .selectFrom('generations')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    expect(row).toMatchObject({ deployment_id: 'dep_1', backend_pin: null });
    const payload = await server.easel.db.kysely
      .selectFrom('generation_payloads')
      .select('deployment')
      .where('generation_id', '=', id)
      .executeTakeFirst();
    expect(JSON.parse(payload?.deployment ?? '')).toEqual({
      id: 'dep_1',
      inputs: { breadth: 64, words: 'a fox, soft light' },
    });
    expect((await server.app.inject(`/v1/generations/${id}/graph`)).json()).toMatchObject({
      inputs: { width: 64, prompt: 'a fox' },
      changes: expect.arrayContaining([
        expect.objectContaining({ node: '3', input: 'default_value', to: 'a fox, soft light' }),
        expect.objectContaining({ node: '1', input: 'height', to: 64, why: expect.stringContaining('left out') }),
      ]),
    });
    await server.easel.generations.cancel(id, 'local');
    await deployments.remove(there.id);
  });
});
