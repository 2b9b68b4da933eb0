import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PromptQueue, type QueueItem } from './prompt-queue.js';

const item = (number: number, promptId: string): QueueItem => ({
  number,
  promptId,
  prompt: {},
  extraData: {},
  outputs: [],
});

function drain(queue: PromptQueue): QueueItem[] {
  const items = [];
  for (let taken = queue.take(); taken; taken = queue.take()) {
    items.push(taken.item);
    queue.done(taken.task, () => {});
  }
  return items;
}

const items = fc.uniqueArray(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.string({ maxLength: 3 })), {
  selector: ([number, id]) => `${number} ${id}`,
});

describe('PromptQueue', () => {
  it('takes by number, then by id', () => {
    fc.assert(
      fc.property(items, (pairs) => {
        const queue = new PromptQueue(() => {});
        for (const [number, id] of pairs) queue.put(item(number, id));
        const expected = [...pairs].sort(([a, x], [b, y]) => a - b || (x < y ? -1 : 1));
        expect(drain(queue).map(({ number, promptId }) => [number, promptId])).toEqual(expected);
      }),
    );
  });

  it('keeps its order when pending prompts are deleted', () => {
    fc.assert(
      fc.property(items, fc.nat(), (pairs, pick) => {
        fc.pre(pairs.length > 0);
        const queue = new PromptQueue(() => {});
        for (const [number, id] of pairs) queue.put(item(number, id));
        const victim = pairs[pick % pairs.length]![1];
        expect(queue.delete(victim)).toBe(true);
        const left = drain(queue);
        expect(left).toHaveLength(pairs.length - 1);
        expect(left.map(({ number }) => number)).toEqual(left.map(({ number }) => number).sort((a, b) => a - b));
      }),
    );
  });

  it('stores a second prompt with number and id of the first, and fails the request', () => {
    let changes = 0;
    const queue = new PromptQueue(() => changes++);
    queue.put(item(1, 'same'));
    expect(() => queue.put(item(1, 'same'))).toThrow("'<' not supported");
    expect([queue.pending.length, changes]).toEqual([2, 1]);
    expect(drain(queue)).toHaveLength(2);
  });

  it('announces the deletion of the only pending prompt twice, as a real server does', () => {
    let changes = 0;
    const queue = new PromptQueue(() => changes++);
    queue.put(item(1, 'a'));
    queue.delete('a');
    expect(changes).toBe(3);
    expect(queue.delete('a')).toBe(false);
  });

  it('records a run before it announces its end', () => {
    const events: string[] = [];
    const queue = new PromptQueue(() => events.push(`remaining ${queue.remaining}`));
    queue.put(item(1, 'a'));
    const taken = queue.take()!;
    queue.done(taken.task, () => events.push('recorded'));
    expect(events).toEqual(['remaining 1', 'remaining 1', 'recorded', 'remaining 0']);
  });

  it('wakes whoever waits', async () => {
    const queue = new PromptQueue(() => {});
    const waiting = queue.wait();
    queue.put(item(1, 'a'));
    await waiting;
    expect(queue.take()?.item.promptId).toBe('a');
  });
});
