import { context, propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GRAPH } from '../generations/harness.js';
import { type WholeServer, wholeServer } from '../http/whole.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('tracing', () => {
  const exporter = new InMemorySpanExporter();
  let server: WholeServer;
  beforeAll(async () => {
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    server = await wholeServer({ config: { telemetry: { tracing: true } } });
  });
  beforeEach(() => exporter.reset());
  afterAll(async () => {
    await server.close();
    trace.disable();
    propagation.disable();
    context.disable();
  });

  test('goes from the caller over the request to the nodes of the graph', async () => {
    const { backend } = server;
    const picture = backend.addFile('a.png', Buffer.from('x'));
    const answer = await server.app.inject({
      method: 'POST',
      url: '/v1/generations',
      headers: { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
      payload: { graph: GRAPH },
    });
    const { id } = answer.json() as { id: string };
    await backend.whenAccepted(1);
    const attemptId = backend.accepted[0] ?? '';
    backend.emit({ type: 'started', attemptId });
    backend.emit({ type: 'node', attemptId, nodeId: '1' });
    backend.emit({ type: 'node', attemptId, nodeId: '9' });
    backend.finish(attemptId, { outcome: 'succeeded', outputs: [picture] });
    await server.easel.generations.wait(id, 'local');
    await expect.poll(() => exporter.getFinishedSpans().map(({ name }) => name)).toContain('easel.attempt');

    const spans = exporter.getFinishedSpans();
    const named = (name: string) => spans.filter((span) => span.name === name);
    const [request] = named('POST /v1/generations');
    const [attempt] = named('easel.attempt');
    expect(request?.spanContext().traceId).toBe(TRACE);
    expect(request?.parentSpanContext?.spanId).toBe('00f067aa0ba902b7');
    expect(attempt?.spanContext().traceId).toBe(TRACE);
    expect(attempt?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    expect(attempt?.attributes).toMatchObject({ 'easel.generation.id': id, 'easel.outcome': 'succeeded' });
    expect(named('easel.node').map(({ attributes }) => attributes['easel.node.id'])).toEqual(['1', '9']);
    for (const child of [...named('easel.node'), ...named('easel.collect')]) {
      expect(child.parentSpanContext?.spanId).toBe(attempt?.spanContext().spanId);
    }
    expect(named('easel.collect')).toHaveLength(1);
  });

  test('the id of a request goes to the backend with the submit, from graphs and workflows alike', async () => {
    const { backend, easel, app } = server;
    const told: (string | undefined)[] = [];
    backend.autoFinish = ({ requestId }) => {
      told.push(requestId);
      return [];
    };
    await easel.workflows.add({ name: 'plain', file: { format: 'api', graph: GRAPH } });
    for (const [url, payload] of [
      ['/v1/generations', { graph: GRAPH }],
      ['/v1/workflows/plain/generations', {}],
    ] as const) {
      const headers = { 'x-request-id': `mine-${told.length}` };
      const answer = await app.inject({ method: 'POST', url, headers, payload });
      expect(answer.headers['x-request-id']).toBe(headers['x-request-id']);
      await easel.generations.wait((answer.json() as { id: string }).id, 'local');
    }
    expect(told).toEqual(['mine-0', 'mine-1']);
  });

  test('says how an attempt failed', async () => {
    server.backend.autoFinish = null;
    const before = server.backend.accepted.length;
    const { id } = await server.easel.generations.submit({ accountId: 'local', graph: GRAPH });
    await server.backend.whenAccepted(before + 1);
    const attemptId = server.backend.accepted.at(-1) ?? '';
    const error = { code: 'node_failed', message: 'no', hint: '', retryable: false } as const;
    server.backend.finish(attemptId, { outcome: 'failed', error, outputs: [] });
    await server.easel.generations.wait(id, 'local');
    await expect
      .poll(() => exporter.getFinishedSpans().find(({ name }) => name === 'easel.attempt'))
      .toMatchObject({
        attributes: { 'easel.outcome': 'failed', 'easel.error.code': 'node_failed' },
        status: { code: 2, message: 'node_failed' },
      });
  });

  test('tells of refused requests too, and metrics count every one', async () => {
    const wrong = await server.app.inject({ url: '/v1/generations', headers: { authorization: 'Bearer wrong' } });
    const lost = await server.app.inject({ url: '/v1/generations/nothing' });
    const unknown = await server.app.inject({ url: '/nowhere' });
    expect([wrong.statusCode, lost.statusCode, unknown.statusCode]).toEqual([401, 404, 404]);
    const told = () =>
      exporter.getFinishedSpans().map(({ name, attributes }) => [name, attributes['http.response.status_code']]);
    await expect.poll(told).toEqual([
      ['GET /v1/generations', 401],
      ['GET /v1/generations/:id', 404],
      ['GET unknown', 404],
    ]);
    const text = await server.easel.metrics.text();
    for (const [route, status] of [
      ['/v1/generations', 401],
      ['/v1/generations/:id', 404],
      ['none', 404],
    ])
      expect(text).toContain(`easel_http_request_seconds_count{method="GET",route="${route}",status="${status}"} 1`);
  });
});
