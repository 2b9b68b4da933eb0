import { expect, test } from 'vitest';
import type { GenerationEvent } from '../../src/generations/index.js';
import { ACCOUNT, request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { makeWebhooks, OK } from './harness.js';

describeEachDatabase('events that a webhook waits for', ({ createDb }) => {
  const { node } = useNodes();

  test('say so to whoever sends, and only they', async () => {
    const db = await createDb();
    const { generations, backend } = await node(db);
    backend.autoFinish = () => [];
    const awaited = new Map<string, string[]>();
    generations.onEvent((event: GenerationEvent) => {
      if (!('isAwaited' in event)) return;
      awaited.set(event.generationId, [...(awaited.get(event.generationId) ?? []), event.type]);
    });
    const run = async () => {
      const { id } = await generations.submit(request());
      await generations.wait(id, ACCOUNT);
      return id;
    };
    expect(awaited.get(await run())).toBeUndefined();
    const { webhooks } = makeWebhooks(db, () => OK);
    const events = ['generation.started', 'generation.succeeded'] as const;
    await webhooks.create({ accountId: ACCOUNT, url: 'https://ann.example/hook', events });
    expect(awaited.get(await run())).toEqual(['started', 'succeeded']);
  });
});
