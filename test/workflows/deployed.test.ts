import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GRAPH } from '../generations/harness.js';
import { type WholeServer, wholeServer } from '../http/whole.js';

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

  test('goes to its ComfyDeploy deployment with its values and without a graph', async () => {
    const { deployments } = server.easel.workflows;
    const target = { kind: 'comfydeploy', backendId: null, deploymentId: 'dep_1' } as const;
    const there = await deployments.add({ workflow: 'portrait', target, contexts: ['cook'] });
    // Not for this context: refused, and the contexts that there are are named.
    expect((await submit()).json()).toMatchObject({ code: 'deployment_none', hint: expect.stringContaining('cook') });
    const { id } = (await submit({ lane: 'batch' })).json() as { id: string };
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
    expect(JSON.parse(payload?.deployment ?? '')).toEqual({ id: 'dep_1', inputs: { width: 64 } });
    await server.easel.generations.cancel(id, 'local');
    await deployments.remove(there.id);
  });
});
