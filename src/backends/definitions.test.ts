import { expect, it } from 'vitest';
import { BackendError } from '../core/errors.js';
import type { NodeDefinitions } from '../graph/index.js';
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
  expect(await definitionsOf([cloud, slow])()).toBe(known);
  expect(await definitionsOf([cloud, slow])({ backendId: 'gpu' })).toBe(known);
  const mismatch = { code: 'deployment_mismatch', message: expect.stringContaining('cloud') };
  await expect(definitionsOf([cloud])()).rejects.toMatchObject(mismatch);
  await expect(definitionsOf([cloud, slow])({ backendId: 'cloud' })).rejects.toMatchObject(mismatch);
});

it('takes the first answer, and the error of the first backend when nobody answers', async () => {
  const gone = backend('gone', 'comfyui', failing('backend_unreachable'));
  const ill = backend('ill', 'comfyui', failing('backend_failed'));
  const up = backend('up', 'embedded', async () => known);
  expect(await definitionsOf([gone, up])()).toBe(known);
  await expect(definitionsOf([ill, gone])()).rejects.toMatchObject({ code: 'backend_failed' });
  await expect(definitionsOf([])()).rejects.toMatchObject({ code: 'backend_unreachable' });
});
