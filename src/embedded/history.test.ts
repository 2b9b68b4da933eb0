import { describe, expect, it } from 'vitest';
import { History, type HistoryEntry, MAX_HISTORY_ENTRIES } from './history.js';

const entry = (promptId: string, extraData: object = {}): HistoryEntry => ({
  item: { number: 0, promptId, prompt: {}, extraData: extraData as never, outputs: [] },
  outputs: {},
  meta: {},
  status: { status_str: 'success', completed: true, messages: [] },
});

function filled(count: number): History {
  const history = new History();
  for (let index = 0; index < count; index++) history.add(entry(String(index)));
  return history;
}

const ids = (entries: readonly HistoryEntry[]) => entries.map(({ item }) => item.promptId);

describe('History', () => {
  it.each([
    [null, null, ['0', '1', '2', '3']],
    [2, null, ['2', '3']],
    [9, null, ['0', '1', '2', '3']],
    [2, 1, ['1', '2']],
    [null, 3, ['3']],
    [null, 9, []],
    [0, null, []],
    [-1, null, []],
    [0, 0, ['0']],
    [-5, 1, ['1']],
  ])('max_items %s, offset %s', (maxItems, offset, expected) => {
    expect(ids(filled(4).list(maxItems, offset))).toEqual(expected);
  });

  it('never holds more than its limit, and drops the oldest', () => {
    const history = filled(MAX_HISTORY_ENTRIES + 3);
    expect(history.size).toBe(MAX_HISTORY_ENTRIES);
    expect(history.get('2')).toBeUndefined();
    expect(history.get('3')).toBeDefined();
  });

  it('overwrites an entry in its place when an id is used again', () => {
    const history = filled(3);
    history.add(entry('1', { second: true }));
    expect(ids(history.list(null, null))).toEqual(['0', '1', '2']);
    expect(history.get('1')?.item.extraData).toEqual({ second: true });
  });

  it('keeps no credentials', () => {
    const history = new History();
    history.add(entry('a', { auth_token_comfy_org: 's', api_key_comfy_org: 'k', other: 1 }));
    expect(history.get('a')?.item.extraData).toEqual({ other: 1 });
  });
});
