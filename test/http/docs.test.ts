import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { picture } from '../media/harness.js';
import { parseCommands } from './curl.js';
import { useServers } from './harness.js';

const PNG = await picture();
const text = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');
const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');

describe('docs/http.md', () => {
  const server = useServers();

  test('has examples that answer as it says', async () => {
    const { listen, backend, generations } = await server();
    const { url } = await listen();
    const variables: Record<string, string> = { EASEL: url };
    const output = backend.addFile('picture.png', PNG);
    let ran = 0;
    for (const command of blocks.flatMap((block) => parseCommands(block))) {
      const { url: address, headers, method, body, expected } = command(variables, { 'photo.png': PNG });
      // Whoever waits shall see the end; otherwise it ends after the answer, so that the answer is always the same.
      backend.autoFinish = headers['Prefer'] === undefined ? null : () => [output];
      const answer = await fetch(address, { method, headers, ...(body === undefined ? {} : { body }) });
      const told = await answer.text();
      expect(answer.status, `${method} ${address}: ${told}`).toBe(expected);
      ran += 1;
      if (method !== 'POST' || !answer.ok) continue;
      const { id, media_id: mediaId } = JSON.parse(told) as { readonly id?: string; readonly media_id?: string };
      if (mediaId !== undefined) variables['MEDIA_ID'] = mediaId;
      if (id === undefined) continue;
      variables['ID'] = id;
      if (answer.status !== 202) continue;
      await finish(id);
    }
    expect(ran).toBe(blocks.join('').match(/^curl /gm)?.length);
    expect(ran).toBeGreaterThan(20);

    async function finish(id: string): Promise<void> {
      for await (const event of generations.events(id, 'local')) {
        if (event.type !== 'started') continue;
        const attemptId = String(event.data['attemptId']);
        // It is told when the attempt is stored, which is before it is sent.
        while (!backend.accepted.includes(attemptId)) await nextTurn();
        backend.finish(attemptId, { outputs: [output] });
      }
    }
  });

  test('shows an error as it is', async () => {
    const { app } = await server();
    const answer = await app.inject({ method: 'POST', url: '/v1/generations', payload: { grahp: {} } });
    const shown = JSON.parse(/^```json\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? '') as object;
    expect({ ...answer.json(), request_id: '' }).toEqual({ ...shown, request_id: '' });
  });
});
