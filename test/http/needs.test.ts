import { afterEach, expect, it } from 'vitest';
import { GRAPH } from '../generations/harness.js';
import { type WholeServer, wholeServer } from './whole.js';

const servers: WholeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

it('what a request and a workflow ask of a backend holds together, and keeps a job from every other', async () => {
  const server = await wholeServer();
  servers.push(server);
  const { app, backend, easel } = server;
  const manifest = { requires: { tags: ['video'], vramBytes: 8e9 } };
  await easel.workflows.add({ name: 'film', file: { format: 'api', graph: GRAPH }, manifest });
  const told = (await app.inject({ url: '/v1/workflows/film' })).json();
  expect(told).toMatchObject({ requires: { tags: ['video'], vram_bytes: 8e9 } });

  const expectWhy = async (url: string, payload: object, details: readonly string[]) => {
    const answer = await app.inject({ method: 'POST', url, payload });
    expect(answer.statusCode).toBe(202);
    const { id } = answer.json() as { id: string };
    const why = async () => (await easel.generations.why(id, 'local')).waiting?.backends.map(({ detail }) => detail);
    await expect.poll(why).toEqual(details);
  };
  await expectWhy('/v1/generations', { graph: GRAPH, needs: { tags: ['fast'] } }, ['it lacks the tag fast']);
  await expectWhy('/v1/workflows/film/generations', {}, ['it lacks the tag video']);
  const more = { needs: { tags: ['fast'], vram_bytes: 16e9 } };
  await expectWhy('/v1/workflows/film/generations', more, ['it lacks the tag fast, video']);
  expect(backend.accepted).toEqual([]);

  const misspelt = await app.inject({
    method: 'POST',
    url: '/v1/generations',
    payload: { graph: GRAPH, needs: { tag: ['fast'] } },
  });
  expect([misspelt.statusCode, misspelt.body]).toEqual([400, expect.stringContaining('tags')]);
});
