import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import { Metrics } from '../../src/telemetry/index.js';
import { FakeBackend } from '../../src/testing/index.js';
import { backendRow } from '../db/rows.js';
import { ACCOUNT, GRAPH, request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';

/** `name{labels} value` lines as a map. */
function read(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describeEachDatabase('metrics', ({ createDb }) => {
  const { node } = useNodes();
  const stops: (() => void)[] = [];
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });

  test('tell what was submitted, how it ended and how long it took', async () => {
    const db = await createDb();
    const { generations, backend } = await node(db);
    backend.autoFinish = () => [];
    const metrics = new Metrics({ db, clock: systemClock, logger: silentLogger, processMetrics: false });
    stops.push(generations.onEvent((event) => metrics.observe(event)));
    for (let index = 0; index < 3; index += 1) {
      const { id } = await generations.submit(request());
      await generations.wait(id, ACCOUNT);
    }
    const found = read(await metrics.text());
    expect(found.get('easel_generations_submitted_total')).toBe(3);
    expect(found.get('easel_generations_ended_total{status="succeeded",code=""}')).toBe(3);
    expect(found.get('easel_attempts_total{backend="fake"}')).toBe(3);
    expect(found.get('easel_wait_seconds_count')).toBe(3);
    expect(found.get('easel_generation_seconds_count{status="succeeded"}')).toBe(3);
    expect(found.get('easel_attempt_seconds_count{backend="fake"}')).toBe(3);
    expect(found.get('easel_queue_depth{lane="interactive"}')).toBe(0);
    expect(found.get('easel_generation_seconds_sum{status="succeeded"}')).toBeLessThan(60);
  });

  test('tell what waits, and for how long', async () => {
    const db = await createDb();
    const { generations } = await node(db, { backends: [] });
    await generations.submit(request());
    await generations.submit(request({ lane: 'batch' }));
    await generations.submit(request({ lane: 'batch' }));
    const later = { ...systemClock, now: () => Date.now() + 60_000 };
    const metrics = new Metrics({ db, clock: later, logger: silentLogger, processMetrics: false });
    const found = read(await metrics.text());
    expect(found.get('easel_queue_depth{lane="interactive"}')).toBe(1);
    expect(found.get('easel_queue_depth{lane="batch"}')).toBe(2);
    expect(found.get('easel_queue_oldest_seconds{lane="batch"}')).toBeGreaterThan(59);
    expect(found.get('easel_generations_open{status="queued"}')).toBe(3);
  });

  test('count retries by their reason', async () => {
    const db = await createDb();
    const backend = new FakeBackend();
    const { generations } = await node(db, { backend });
    const metrics = new Metrics({ db, clock: systemClock, logger: silentLogger, processMetrics: false });
    metrics.observe({
      generationId: '019a0000-0000-7000-8000-000000000000',
      type: 'retrying',
      at: 1,
      data: { backendId: 'fake', error: { code: 'backend_lost_run' } },
    });
    expect(read(await metrics.text()).get('easel_retries_total{backend="fake",code="backend_lost_run"}')).toBe(1);
    expect(generations.followers).toBe(0);
  });

  test('tell the state of each backend, its breaker, and which nobody owns', async () => {
    const db = await createDb();
    const health = (circuit: string) => JSON.stringify({ state: 'unreachable', circuit });
    const nowMs = Date.now();
    await db.transaction((tx) =>
      tx
        .insertInto('backends')
        .values([
          { ...backendRow('well'), state: 'ready', state_detail: null, lease_until: nowMs + 60_000 },
          { ...backendRow('away'), state: 'unreachable', state_detail: health('open'), lease_until: nowMs + 60_000 },
          { ...backendRow('orphan'), state: 'ready', state_detail: health('open'), lease_until: nowMs - 1 },
          { ...backendRow('removed'), desired: 'gone' },
        ])
        .execute(),
    );
    const metrics = new Metrics({ db, clock: systemClock, logger: silentLogger, processMetrics: false });
    const found = read(await metrics.text());
    expect([...found].filter(([name]) => name.startsWith('easel_backend_'))).toEqual([
      ['easel_backend_state{backend="away",state="unreachable"}', 1],
      ['easel_backend_state{backend="orphan",state="unowned"}', 1],
      ['easel_backend_state{backend="well",state="ready"}', 1],
      ['easel_backend_circuit_open{backend="away"}', 1],
      ['easel_backend_circuit_open{backend="orphan"}', 0],
      ['easel_backend_circuit_open{backend="well"}', 0],
    ]);
  });

  test('count a model that a backend had to load, once for its run', async () => {
    const db = await createDb();
    const metrics = new Metrics({ db, clock: systemClock, logger: silentLogger, processMetrics: false });
    const { generations, backend } = await node(db, {
      dispatch: { onModelLoad: (backendId) => metrics.modelLoaded(backendId) },
    });
    const loader = { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a.safetensors' } };
    const { id } = await generations.submit(request({ graph: { ...GRAPH, '4': loader } }));
    await backend.whenAccepted(1);
    const [attemptId = ''] = backend.accepted;
    for (const value of [1, 2]) backend.emit({ type: 'progress', attemptId, nodeId: '3', value, max: 2 });
    backend.finish(attemptId);
    await generations.wait(id, ACCOUNT);
    expect(read(await metrics.text()).get('easel_model_loads_total{backend="fake"}')).toBe(1);
  });

  test('a database that is away is said, and costs no answer', async () => {
    const db = await createDb();
    const metrics = new Metrics({ db, clock: systemClock, logger: silentLogger, processMetrics: false });
    await db.close();
    const found = read(await metrics.text());
    expect(found.get('easel_scrape_errors_total')).toBe(1);
    expect(found.has('easel_queue_depth{lane="batch"}')).toBe(false);
  });
});
