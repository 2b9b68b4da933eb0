import { expect, test } from 'vitest';
import type { BackendCapabilities } from '../../src/backends/index.js';
import type { GenerationRequest } from '../../src/generations/index.js';
import { FakeBackend } from '../../src/testing/index.js';
import { ACCOUNT, request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';

const GIB = 2 ** 30;

/** As `FakeBackend`, with one device. */
class MeasuredBackend extends FakeBackend {
  override async capabilities(): Promise<BackendCapabilities> {
    const device = { name: 'gpu', type: 'cuda', vramTotalBytes: 12 * GIB, vramFreeBytes: null };
    return { ...(await super.capabilities()), devices: [device] };
  }
}

describeEachDatabase('what a job asks for', ({ createDb }) => {
  const nodes = useNodes();

  async function fleet() {
    const [plain, video, large] = [
      new MeasuredBackend({ id: 'plain' }),
      new FakeBackend({ id: 'video' }),
      new FakeBackend({ id: 'large' }),
    ];
    const { generations } = await nodes.node(await createDb(), {
      backends: [
        { backend: plain },
        { backend: video, traits: { tags: ['video', 'fast'], vramBytes: 16 * GIB } },
        { backend: large, traits: { tags: ['fast'], vramBytes: 48 * GIB } },
      ],
    });
    const submit = async (needs: NonNullable<GenerationRequest['needs']>) =>
      (await generations.submit(request({ needs }))).id;
    const why = async (id: string) => {
      const { summary, waiting } = await generations.why(id, ACCOUNT);
      const backends = (waiting?.backends ?? []).map(({ backendId, reason, detail }) => [backendId, reason, detail]);
      return { summary, backends: backends.sort(([a], [b]) => (a! < b! ? -1 : 1)) };
    };
    return { generations, plain, video, large, submit, why };
  }

  test('a tag: it goes where the tag is, though others are free', async () => {
    const { generations, plain, video, large, submit, why } = await fleet();
    const first = await submit({ tags: ['video'] });
    await video.whenAccepted(1);
    const second = await submit({ tags: ['video'] });
    await expect
      .poll(async () => (await why(second)).backends)
      .toEqual([
        ['large', 'tags', 'it lacks the tag video'],
        ['plain', 'tags', 'it lacks the tag video'],
        ['video', 'busy', 'it is busy'],
      ]);
    video.finish(video.accepted[0]!);
    await video.whenAccepted(2);
    video.finish(video.accepted[1]!);
    for (const id of [first, second])
      expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', backendId: 'video' });
    expect([plain.accepted, large.accepted]).toEqual([[], []]);
  });

  test('video memory: it goes where there is enough, told by the settings or by the server itself', async () => {
    const { generations, plain, video, large, submit, why } = await fleet();
    const impossible = await submit({ vramBytes: 80 * GIB });
    const short = (has: string) => `it has ${has} GiB of video memory, and 80.0 GiB are asked for`;
    await expect
      .poll(async () => (await why(impossible)).backends)
      .toEqual([
        ['large', 'memory', short('48.0')],
        ['plain', 'memory', short('12.0')],
        ['video', 'memory', short('16.0')],
      ]);
    expect((await why(impossible)).summary).toMatch(/^It waits because no backend can run it: /);

    const first = await submit({ vramBytes: 24 * GIB });
    await large.whenAccepted(1);
    const second = await submit({ vramBytes: 24 * GIB });
    await expect
      .poll(async () => (await why(second)).backends.map(([id, reason]) => [id, reason]))
      .toEqual([
        ['large', 'busy'],
        ['plain', 'memory'],
        ['video', 'memory'],
      ]);
    large.finish(large.accepted[0]!);
    await large.whenAccepted(2);
    large.finish(large.accepted[1]!);
    for (const id of [first, second])
      expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', backendId: 'large' });
    expect([plain.accepted, video.accepted]).toEqual([[], []]);
    expect(await generations.cancel(impossible, ACCOUNT)).toMatchObject({ status: 'cancelled' });
  });

  test('both: a backend that has one of them only is none', async () => {
    const { submit, why, plain, video, large } = await fleet();
    const id = await submit({ tags: ['video', 'fast'], vramBytes: 24 * GIB });
    await expect
      .poll(async () => (await why(id)).backends)
      .toEqual([
        ['large', 'tags', 'it lacks the tag video'],
        ['plain', 'tags', 'it lacks the tag fast, video'],
        ['video', 'memory', 'it has 16.0 GiB of video memory, and 24.0 GiB are asked for'],
      ]);
    expect([plain.accepted, video.accepted, large.accepted]).toEqual([[], [], []]);
  });
});
