import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { readText } from '../helpers/sources.js';

test('the settings in docs/backends.md are accepted', () => {
  const blocks = [...(readText('docs/backends.md') ?? '').matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) =>
    JSON.parse(text ?? ''),
  );
  expect(blocks.map((block) => block.backends[0].kind)).toEqual(['comfyui', 'comfydeploy']);
  for (const block of blocks) {
    const [backend] = block.backends;
    // The key comes from the variable, and the certificates from files that are not here.
    if (backend.kind === 'comfydeploy') backend.apiKey = 'key';
    for (const name of ['ca', 'cert', 'key'])
      if (backend.tls !== undefined) backend.tls[name] = '-----BEGIN CERTIFICATE-----';
    expect(parseConfig(block).backends[0]).toMatchObject({ id: backend.id, kind: backend.kind });
  }
});
