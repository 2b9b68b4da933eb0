import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { makeKit } from '../helpers/databases.js';
import { ACCOUNT, Stage, sleeping } from './stage.js';

/**
 * Cancel in every phase on a server that others use too: ours is gone, verified on the server, and theirs comes to its end.
 */
const { createDatabase } = makeKit('sqlite');

describe.each(['0.3.64', '0.8.0'] as const)('cancel on ComfyUI %s', (version) => {
  let stage: Stage | null = null;
  afterEach(async () => {
    await stage?.close();
    stage = null;
  });

  async function open(): Promise<Stage> {
    stage = await Stage.open({ database: await createDatabase(), version });
    await stage.node();
    return stage;
  }

  async function submitTheirs(on: Stage, seconds: number): Promise<string> {
    const prompt_id = randomUUID();
    const body = JSON.stringify({ prompt: sleeping(seconds), prompt_id, client_id: 'theirs' });
    const answer = await fetch(`${on.engine.url}/prompt`, { method: 'POST', body });
    expect(answer.status).toBe(200);
    return prompt_id;
  }

  async function endOf(on: Stage, promptId: string): Promise<string> {
    let status = '';
    await expect
      .poll(
        async () => {
          const history = await (await fetch(`${on.engine.url}/history/${promptId}`)).json();
          status = (history as Record<string, { status: { status_str: string } }>)[promptId]?.status.status_str ?? '';
          return status;
        },
        { timeout: 10_000 },
      )
      .not.toBe('');
    return status;
  }

  test('while ours waits behind theirs', async () => {
    const on = await open();
    const theirs = await submitTheirs(on, 1.5);
    const id = await on.submit(sleeping(20));
    await expect.poll(() => on.engine.counts.queued).toBe(2);
    await on.generations.cancel(id, ACCOUNT);
    expect(await on.wait(id)).toMatchObject({ status: 'cancelled', error: { details: { verified: true } } });
    expect(await endOf(on, theirs)).toBe('success');
  });

  test('while ours runs and theirs waits', async () => {
    const on = await open();
    const id = await on.submit(sleeping(20));
    await on.running(id);
    const theirs = await submitTheirs(on, 0.3);
    await on.generations.cancel(id, ACCOUNT);
    expect(await on.wait(id)).toMatchObject({ status: 'cancelled', error: { details: { verified: true } } });
    expect(await endOf(on, theirs)).toBe('success');
  });

  test('at the very moment at which ours ends and theirs begins: whatever wins, theirs is not hit', async () => {
    const on = await open();
    for (let round = 0; round < 6; round += 1) {
      const id = await on.submit(sleeping(0.05));
      await on.running(id);
      const theirs = await submitTheirs(on, 0.1);
      await on.generations.cancel(id, ACCOUNT);
      expect(['cancelled', 'succeeded']).toContain((await on.wait(id)).status);
      expect(await endOf(on, theirs)).toBe('success');
    }
  });

  test('while ours is being sent', async () => {
    const on = await open();
    on.engine.faults.set({ latencyMs: { 'POST /prompt': 150 } });
    const id = await on.submit(sleeping(20));
    for await (const event of on.generations.events(id, ACCOUNT)) if (event.type === 'started') break;
    await on.generations.cancel(id, ACCOUNT);
    expect(await on.wait(id)).toMatchObject({ status: 'cancelled', error: { details: { verified: true } } });
    await expect.poll(() => on.engine.counts.queued).toBe(0);
  });

  test('while its files are copied: what was copied is gone', async () => {
    const on = await open();
    on.engine.faults.set({ view: { delayMs: 1_000 } });
    const id = await on.submit();
    for await (const event of on.generations.events(id, ACCOUNT)) if (event.type === 'collecting') break;
    await on.generations.cancel(id, ACCOUNT);
    expect(await on.wait(id)).toMatchObject({
      status: 'cancelled',
      outputs: [],
      error: { details: { verified: true, phase: 'collecting' } },
    });
    await on.generations.sweep();
    expect(await on.db.kysely.selectFrom('media').select('id').execute()).toEqual([]);
  });

  test('of one that ignores it: told as not verified, and the backend takes nothing more until it is free', async () => {
    const on = await open();
    on.engine.faults.set({ hangAtNode: { classType: 'TestSleep', count: 1 } });
    const id = await on.submit();
    await expect.poll(() => on.engine.counts.queued).toBe(1);
    await expect
      .poll(async () => (await on.db.kysely.selectFrom('attempts').select('status').executeTakeFirst())?.status)
      .toBe('running');
    await on.generations.cancel(id, ACCOUNT);
    expect(await on.wait(id)).toMatchObject({ status: 'cancelled', error: { details: { verified: false } } });
    const state = async () => (await on.db.kysely.selectFrom('backends').select('state').executeTakeFirst())?.state;
    await expect.poll(state).toBe('stalled');
    const next = await on.submit();
    await on.engine.restart();
    expect((await on.wait(next)).status).toBe('succeeded');
    expect(await state()).toBe('ready');
  });
});
