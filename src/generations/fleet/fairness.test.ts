import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FleetNode, isNext, surplus } from './fairness.js';

/** Rounds in which every node acts on the same rows, one after the other, until nothing moves. */
function settle(nodes: readonly FleetNode[], owners: Map<string, string>, rounds: number): number {
  let moves = 0;
  const backends = [...new Set(nodes.flatMap((node) => node.backendIds))];
  for (let round = 0; round < rounds; round += 1) {
    for (const node of nodes) {
      const [given] = surplus({ nodes, owners }, node.id);
      if (given !== undefined) {
        owners.delete(given);
        moves += 1;
      }
      for (const id of backends) {
        if (!owners.has(id) && node.backendIds.includes(id) && isNext({ nodes, owners }, node.id, id))
          owners.set(id, node.id);
      }
    }
  }
  return moves;
}

test('a node that joins gets its share, and then nothing moves any more', () => {
  const backendIds = ['a', 'b', 'c', 'd'];
  const owners = new Map(backendIds.map((id) => [id, 'one']));
  const nodes = ['one', 'two'].map((id) => ({ id, backendIds }));
  expect(settle(nodes, owners, 5)).toBe(2);
  expect([...owners.values()].filter((owner) => owner === 'one')).toHaveLength(2);
  expect(settle(nodes, owners, 5)).toBe(0);
});

test('a node that could not own it is no rival', () => {
  const nodes = [
    { id: 'one', backendIds: ['a', 'b', 'c'] },
    { id: 'two', backendIds: ['z'] },
  ];
  const owners = new Map(['a', 'b', 'c'].map((id) => [id, 'one']));
  expect(surplus({ nodes, owners }, 'one')).toEqual([]);
});

test('whoever owned what: in the end nodes are within one of each other, and stay so', () => {
  const setup = fc.record({ backends: fc.integer({ min: 1, max: 20 }), nodes: fc.integer({ min: 1, max: 6 }) });
  fc.assert(
    fc.property(setup, fc.infiniteStream(fc.nat()), ({ backends, nodes: count }, picks) => {
      const backendIds = Array.from({ length: backends }, (_, index) => `b${index}`);
      const nodes = Array.from({ length: count }, (_, index) => ({ id: `n${index}`, backendIds }));
      const owners = new Map<string, string>();
      for (const id of backendIds) {
        const pick = (picks.next().value ?? 0) % (count + 1);
        if (pick < count) owners.set(id, `n${pick}`);
      }
      settle(nodes, owners, backends + 2);
      const counts = nodes.map((node) => [...owners.values()].filter((owner) => owner === node.id).length);
      expect(owners.size).toBe(backends);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      expect(settle(nodes, owners, 3)).toBe(0);
    }),
  );
});
