import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import { createEasel } from '../../src/easel.js';
import { loadWorkflow } from '../../src/graph/index.js';
import { createHttpServer, listen } from '../../src/http/index.js';
import { type Answer, readEvents } from './harness.js';

const SEED = 18446744073709551615n;
const WORKFLOW = readFileSync(new URL('../../examples/lighthouse.json', import.meta.url), 'utf8');

describe('the HTTP API over the embedded engine', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  test('makes a picture of a workflow file, with the seed in it to its last digit', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'easel-http-'));
    cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
    const config = parseConfig({ dataDir, embedded: { stepMs: 1, loadMs: 1 } });
    const easel = await createEasel(config, { logger: silentLogger });
    cleanups.push(() => easel.stop());
    await easel.start();
    const app = createHttpServer({ easel, logger: silentLogger, clock: systemClock });
    const { url, close } = await listen(app, { host: '127.0.0.1', port: 0 });
    cleanups.push(close);

    const body = `{"workflow": ${WORKFLOW}, "prompt": "a lighthouse at night", "seed": "${SEED}"}`;
    const headers = { 'content-type': 'application/json' };
    const submitted = await fetch(`${url}/v1/generations`, { method: 'POST', headers, body });
    const generation = (await submitted.json()) as Answer;
    expect(submitted.status, JSON.stringify(generation)).toBe(202);

    const stream = await fetch(`${url}${generation.events_url}?previews=1`);
    const seen: string[] = [];
    for await (const event of readEvents(stream.body as unknown as AsyncIterable<Uint8Array>))
      if (event.event !== undefined) seen.push(event.event);
    expect(seen.filter((name) => !['progress', 'preview', 'queued', 'warning'].includes(name))).toEqual([
      'started',
      'collecting',
      'succeeded',
    ]);
    expect(seen).toContain('progress');

    const ended = (await (await fetch(`${url}${generation.status_url}`)).json()) as Answer;
    const picture = await fetch(`${url}${ended.outputs[0].url}`);
    expect(picture.headers.get('content-type')).toBe('image/png');
    const bytes = Buffer.from(await picture.arrayBuffer());
    expect(bytes.length).toBe(ended.outputs[0].bytes);
    const { graph } = await loadWorkflow(bytes);
    const seeds = Object.values(graph ?? {}).flatMap(({ inputs }) => [
      inputs['seed'],
      inputs['noise_seed'],
      inputs['value'],
    ]);
    expect(seeds).toContain(SEED);
    expect(await (await fetch(`${url}/health/ready`)).json()).toMatchObject({ status: 'ready' });
  });
});
