import { describe, expect, test } from 'vitest';
import { readEvents, type ServerEvent, useServers } from './harness.js';

describe('GET /v1/events', () => {
  const server = useServers();

  async function until(url: string, name: string, headers: Record<string, string> = {}): Promise<ServerEvent[]> {
    const stop = new AbortController();
    const response = await fetch(url, { headers, signal: stop.signal });
    expect(response.status).toBe(200);
    const seen: ServerEvent[] = [];
    for await (const event of readEvents(response.body as unknown as AsyncIterable<Uint8Array>)) {
      if (event.event !== undefined) seen.push(event);
      if (event.event === name) break;
    }
    stop.abort();
    return seen;
  }

  test('tells of every generation, and resumes after any event', async () => {
    const { listen, submit, backend, generations } = await server();
    const { url } = await listen();
    backend.autoFinish = () => [];
    const reading = until(`${url}/v1/events`, 'succeeded');
    let isDone = false;
    const first = reading.finally(() => {
      isDone = true;
    });
    while (!isDone) await submit().then((id) => generations.wait(id, 'local'));
    const seen = await first;
    const { id: last = '' } = seen.at(-1) ?? {};
    expect(last).toMatch(/^\d+\.[0-9a-f-]{36}\.\d+$/);
    const later = await submit();
    await generations.wait(later, 'local');
    const rest = await until(`${url}/v1/events`, 'succeeded', { 'last-event-id': last });
    expect(rest.length).toBeGreaterThan(0);
    const all = await until(`${url}/v1/events?after=${seen[0]?.id}`, 'succeeded');
    expect(all.map(({ event }) => event)).toContain('started');
  });

  test('refuses what is no id of an event', async () => {
    const { app } = await server();
    for (const request of [
      { url: '/v1/events?after=7' },
      { url: '/v1/events', headers: { 'last-event-id': 'x.y.z' } },
    ]) {
      expect((await app.inject(request)).json()).toMatchObject({ code: 'request_invalid', status: 400 });
    }
  });
});
