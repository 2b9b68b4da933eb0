import { describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.js';
import { BackendError } from '../core/errors.js';
import type { NodeDefinitions } from '../graph/index.js';
import { Deferred, VirtualClock } from '../testing/index.js';
import { definitionsOf } from './definitions.js';
import type { Backend } from './spec.js';

const backend = (id: string, kind: Backend['kind'], answer: () => Promise<NodeDefinitions>) =>
  ({
    id,
    kind,
    capabilities: async () => ({ version: null, nodeDefinitions: await answer(), devices: [], maxUploadBytes: null }),
  }) as unknown as Backend;
const known = { SaveImage: {} } as unknown as NodeDefinitions;
const failing = (code: 'backend_unreachable' | 'backend_failed') => () =>
  Promise.reject(new BackendError(code, 'It does not answer.'));

it('takes no ComfyDeploy for a backend without node classes, although it answers first', async () => {
  const cloud = backend('cloud', 'comfydeploy', async () => ({}));
  const slow = backend('gpu', 'comfyui', () => new Promise((resolve) => setImmediate(() => resolve(known))));
  expect(await definitionsOf([cloud, slow], systemClock)()).toBe(known);
  expect(await definitionsOf([cloud, slow], systemClock)({ backendId: 'gpu' })).toBe(known);
  const mismatch = { code: 'deployment_mismatch', message: expect.stringContaining('cloud') };
  await expect(definitionsOf([cloud], systemClock)()).rejects.toMatchObject(mismatch);
  await expect(definitionsOf([cloud, slow], systemClock)({ backendId: 'cloud' })).rejects.toMatchObject(mismatch);
});

it('takes the first answer, and the error of the first backend when nobody answers', async () => {
  const gone = backend('gone', 'comfyui', failing('backend_unreachable'));
  const ill = backend('ill', 'comfyui', failing('backend_failed'));
  const up = backend('up', 'embedded', async () => known);
  expect(await definitionsOf([gone, up], systemClock)()).toBe(known);
  await expect(definitionsOf([ill, gone], systemClock)()).rejects.toMatchObject({ code: 'backend_failed' });
  await expect(definitionsOf([], systemClock)()).rejects.toMatchObject({ code: 'backend_unreachable' });
});

describe('a large fleet', () => {
  /** Backends that answer when they are told to, and who was asked, in order. */
  function fleet(size: number) {
    const asked: string[] = [];
    const answers = Array.from({ length: size }, () => new Deferred<NodeDefinitions>());
    const backends = answers.map(({ promise }, at) =>
      backend(`${at}`, 'comfyui', () => {
        asked.push(`${at}`);
        return promise;
      }),
    );
    const clock = new VirtualClock();
    return { asked, answers, clock, definitions: definitionsOf(backends, clock) };
  }
  const gone = new BackendError('backend_unreachable', 'It does not answer.');

  it('is asked a few at a time, in order: the next when one fails, some more when all are silent', async () => {
    const { asked, answers, clock, definitions } = fleet(300);
    const found = definitions();
    await clock.advance(2_999);
    expect(asked).toEqual(['0', '1', '2']);
    answers[1]!.reject(gone);
    await expect.poll(() => asked).toEqual(['0', '1', '2', '3']);
    await clock.advance(1);
    expect(asked).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    answers[5]!.resolve(known);
    expect(await found).toBe(known);
    expect(clock.pending).toBe(0);
    answers[2]!.reject(gone);
    // Who has answered is asked first from now on.
    expect(await definitions()).toBe(known);
    expect(asked.slice(7)).toEqual(['5', '0', '1']);
  });

  it('is asked to its end when all fail, and no further once the caller has given up', async () => {
    const all = fleet(7);
    for (const answer of all.answers) answer.reject(gone);
    await expect(all.definitions()).rejects.toBe(gone);
    expect(all.asked).toHaveLength(7);
    expect(all.clock.pending).toBe(0);

    const some = fleet(7);
    const controller = new AbortController();
    const found = some.definitions({ signal: controller.signal });
    controller.abort(new Error('enough'));
    for (const answer of some.answers) answer.reject(gone);
    await expect(found).rejects.toBe(gone);
    expect(some.asked).toEqual(['0', '1', '2']);
    await expect(some.definitions({ signal: controller.signal })).rejects.toThrow('enough');
  });
});
