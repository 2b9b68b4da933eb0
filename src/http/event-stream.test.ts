import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../testing/index.js';
import { EventStream, type Frame } from './event-stream.js';

function make() {
  const clock = new VirtualClock();
  const closed: number[] = [];
  const stream = new EventStream({ clock, heartbeatMs: 15_000, retryMs: 2_000, onClose: () => closed.push(1) });
  let encoded = 0;
  const frame = (event: string, text: string, more: Partial<Frame> = {}): Frame => ({
    event,
    data: () => {
      encoded += 1;
      return text;
    },

    ...more,
  });
  return { clock, closed, stream, frame, encodedCount: () => encoded };
}

async function readAll(stream: EventStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

describe('EventStream', () => {
  test('writes events as the format has it, and ends after the last', async () => {
    const { stream, frame, clock, closed } = make();
    stream.send(frame('queued', '{"a":1}', { id: '1' }));
    stream.send(frame('progress', '{}'));
    stream.finish();
    stream.send(frame('late', '{}'));
    expect(await readAll(stream)).toBe(
      'retry: 2000\n\nid: 1\nevent: queued\ndata: {"a":1}\n\nevent: progress\ndata: {}\n\n',
    );
    expect(closed).toEqual([1]);
    expect(clock.pending).toBe(0);
  });

  test('sends a comment after each silence, and none to who does not read', async () => {
    const { stream, frame, clock } = make();
    let text = '';
    stream.on('data', (chunk) => {
      text += String(chunk);
    });
    await nextTurn();
    await clock.advance(14_999);
    expect(text).toBe('retry: 2000\n\n');
    await clock.advance(1);
    expect(text).toContain(': heartbeat\n\n');
    stream.send(frame('progress', '{}'));
    text = '';
    await clock.advance(14_999);
    expect(text).toBe('');
    await clock.advance(1 + 15_000);
    expect(text).toBe(': heartbeat\n\n: heartbeat\n\n');
    stream.pause();
    await clock.advance(15_000 * 100_000);
    expect(stream.readableLength).toBeLessThan(64 * 1024);
    stream.destroy();
    await nextTurn();
    expect(clock.pending).toBe(0);
  });

  test('keeps only the newest of what changes all the time, and encodes only what it sends', async () => {
    const { stream, frame, encodedCount } = make();
    const large = 'x'.repeat(100_000);
    for (let count = 1; count <= 1_000; count += 1) {
      stream.send(frame('preview', `${count} ${large}`, { newestOf: 'preview' }));
      stream.send(frame('progress', `${count}`, { newestOf: 'progress' }));
      if (count % 500 === 0) stream.send(frame('started', String(count), { id: String(count) }));
    }
    expect(stream.waiting).toBe(4);
    expect(encodedCount()).toBe(0);
    stream.finish();
    const text = await readAll(stream);
    expect(text.match(/event: \w+/g)).toEqual([
      'event: started',
      'event: preview',
      'event: progress',
      'event: started',
    ]);
    expect(text).toContain(`data: 1000 ${large}\n`);
    expect(encodedCount()).toBe(4);
  });

  test('gives up on a reader that lets everything lie', async () => {
    const { stream, frame, closed } = make();
    for (let count = 0; count < 300; count += 1) stream.send(frame('warning', String(count)));
    expect(stream.destroyed).toBe(true);
    await nextTurn();
    expect(closed).toEqual([1]);
    expect(stream.waiting).toBe(0);
  });
});
