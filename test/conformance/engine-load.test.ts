import { Agent, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/clock.js';
import { type Bench, type Client, openBench, show, tinyNode } from './engine-bench.js';

/** The engine is the test bed for everything else: it must not be the slow or the leaking part. */
let bench: Bench;
afterEach(() => bench.close());

describe('under load', () => {
  it('runs thousands of tiny prompts and loses none', async () => {
    bench = await openBench();
    const client = await bench.connect();
    const agent = new Agent({ connections: 20, pipelining: 1 });
    const count = 2000;
    try {
      await Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const body = JSON.stringify({ prompt: show(index), client_id: 'me', prompt_id: `p${index}` });
          const answer = await request(`${bench.engine.url}/prompt`, { method: 'POST', body, dispatcher: agent });
          expect(answer.statusCode).toBe(200);
          await answer.body.dump();
        }),
      );
      let ended = 0;
      await client.until((type, data) => type === 'executing' && data.node === null && ++ended === count);
    } finally {
      await agent.close();
    }
    expect(endedIds(client).size).toBe(count);
    expect(bench.engine.counts).toMatchObject({ queued: 0, history: count });
  });

  it('forgets sockets that went away, however they went', async () => {
    bench = await openBench();
    const clients = await Promise.all(Array.from({ length: 100 }, (_, index) => bench.connect(`c${index}`)));
    expect(bench.engine.counts.sockets).toBe(100);
    const last = await bench.connect('last');
    clients.forEach(({ socket }, index) => {
      if (index % 2 === 0) socket.webSocket.terminate();
      else socket.webSocket.close();
    });
    await Promise.all(
      clients.map(
        ({ socket }) => new Promise((resolve) => socket.closeCode ?? socket.webSocket.once('close', resolve)),
      ),
    );
    // The answer to a request comes after the closings that were on their way before it.
    while (bench.engine.counts.sockets > 1) await bench.get('/prompt');
    await last.ended(await bench.submit(show(1), { client_id: 'last' }));
  });

  it('leaves no timer behind, not even when it stops in the middle of a run', async () => {
    const clock = new VirtualClock();
    const asleep = {
      '1': { class_type: 'Nap', inputs: { v: 1 } },
      '2': { class_type: 'Show', inputs: { v: ['1', 0] } },
    };
    const nap = tinyNode('Nap', async ({ v }, context) => {
      await context.delay(60_000);
      return v;
    });
    bench = await openBench({ clock, nodes: [nap], faults: { latencyMs: { 'GET /queue': 60_000 } } });
    await bench.submit(asleep);
    const waiting = bench.get('/queue').catch(() => null);
    await clock.whenPending(2);
    await bench.engine.close();
    await waiting;
    expect(clock.pending).toBe(0);
  });
});

function endedIds(client: Client): Set<unknown> {
  const ends = client.frames.flatMap((frame) =>
    frame.kind === 'message' && frame.message.type === 'executing' && frame.message.data['node'] === null
      ? [frame.message.data['prompt_id']]
      : [],
  );
  return new Set(ends);
}
