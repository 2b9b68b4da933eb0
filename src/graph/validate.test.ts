import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EaselError } from '../core/errors.js';
import { displayOrder, outputNodes, topologicalOrder } from './topology.js';
import type { Graph } from './types.js';
import { validateGraph } from './validate.js';

function faultOf(value: unknown): EaselError {
  try {
    validateGraph(value);
  } catch (error) {
    return error as EaselError;
  }
  return expect.fail('the graph was accepted');
}

const source = { class_type: 'Source', inputs: {} };

describe('validateGraph', () => {
  it('returns a copy without foreign keys', () => {
    const given = { '1': { ...source, is_changed: ['x'], _meta: { title: 'One', more: 1 }, extra: true } };
    const graph = validateGraph(given);
    expect(graph).toEqual({ '1': { class_type: 'Source', inputs: {}, _meta: { title: 'One' } } });
    graph['1']!.inputs['new'] = 1;
    expect(given['1'].inputs).toEqual({});
  });

  it('accepts links, wrapped lists and 64-bit integers', () => {
    const graph = {
      a: source,
      b: { class_type: 'B', inputs: { in: ['a', 0], list: { __value__: [1, 2] }, seed: 18446744073709551615n } },
    };
    expect(validateGraph(graph)).toEqual(graph);
  });

  const broken: [string, unknown, RegExp][] = [
    ['a list', [], /must be an object of nodes, not a list/],
    ['no node', {}, /holds no nodes/],
    ['a node that is no object', { '1': 'x' }, /Node 1 must be an object, not a string/],
    ['a node without class', { '1': { inputs: {}, _meta: { title: 'Lost' } } }, /Node 1 \("Lost"\) has no class_type/],
    [
      'a poison prompt',
      { '1': { class_type: 'K', _meta: { title: 'Second pass' } } },
      /Node 1 \(K "Second pass"\) has no object `inputs`/,
    ],
    ['inputs that are a list', { '1': { class_type: 'K', inputs: [] } }, /no object `inputs`/],
    [
      'a literal list',
      { '1': { class_type: 'K', inputs: { size: [1, 2, 3] } } },
      /Node 1 \(K\), input "size": an array must be a link/,
    ],
    [
      'a list of two texts',
      { '1': { class_type: 'K', inputs: { size: ['a', 'b'] } } },
      /input "size": an array must be a link/,
    ],
    ['a link by number', { '1': source, '2': { class_type: 'K', inputs: { in: [1, 0] } } }, /node id as string/],
    [
      'a link to nowhere',
      { '1': { class_type: 'K', inputs: { in: ['9', 0] } } },
      /linked to node 9, which the graph does not have/,
    ],
    [
      'a link to a member of every object',
      { '1': { class_type: 'K', inputs: { in: ['toString', 0] } } },
      /does not have/,
    ],
    [
      'a negative output',
      { '1': source, '2': { class_type: 'K', inputs: { in: ['1', -1] } } },
      /-1 is not an output index/,
    ],
    ['a prototype', JSON.parse('{"__proto__": {"class_type": "K", "inputs": {}}}'), /cannot have the id/],
  ];
  it.each(broken)('refuses %s', (_, value, message) => {
    const error = faultOf(value);
    expect(error.code).toBe('graph_invalid');
    expect(error.message).toMatch(message);
  });

  it('names the nodes of a circle', () => {
    const link = (to: string) => ({ class_type: 'Pass', inputs: { in: [to, 0] } });
    const error = faultOf({ a: link('c'), b: link('a'), c: link('b'), d: link('c') });
    expect(error.message).toContain('runs in a circle');
    expect(new Set(error.details?.['cycle'] as string[])).toEqual(new Set(['a', 'b', 'c']));
  });

  it('takes a chain of a hundred thousand nodes, and finds its circle', () => {
    const graph: Graph = { n0: { class_type: 'Source', inputs: {} } };
    for (let i = 1; i < 100_000; i++) graph[`n${i}`] = { class_type: 'Pass', inputs: { in: [`n${i - 1}`, 0] } };
    expect(Object.keys(validateGraph(graph))).toHaveLength(100_000);
    graph['n0'] = { class_type: 'Pass', inputs: { in: ['n99999', 0] } };
    expect(faultOf(graph).message).toContain('and 99990 more');
  });

  it('never fails with anything but its own error', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string(),
          fc.oneof(fc.anything(), fc.record({ class_type: fc.string(), inputs: fc.object() })),
        ),
        (value) => {
          try {
            validateGraph(value);
          } catch (error) {
            expect(error).toMatchObject({ code: 'graph_invalid' });
          }
        },
      ),
    );
  });
});

describe('topology', () => {
  it('puts sources before consumers, whatever the order of the keys', () => {
    const ids = Array.from({ length: 12 }, (_, index) => `n${index}`);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(ids, { minLength: 12 }),
        fc.array(fc.tuple(fc.nat(11), fc.nat(11))),
        (order, pairs) => {
          const graph: Graph = Object.fromEntries(order.map((id) => [id, { class_type: 'N', inputs: {} }]));
          for (const [a, b] of pairs) if (a < b) graph[`n${b}`]!.inputs[`in${a}`] = [`n${a}`, 0];
          const sorted = topologicalOrder(graph).order;
          expect(sorted).toHaveLength(12);
          for (const [a, b] of pairs) if (a < b) expect(sorted.indexOf(`n${a}`)).toBeLessThan(sorted.indexOf(`n${b}`));
          expect(displayOrder(graph)).toEqual(sorted);
        },
      ),
    );
  });

  it('takes unused nodes for outputs where no definition tells', () => {
    const graph: Graph = { a: { class_type: 'A', inputs: {} }, b: { class_type: 'B', inputs: { in: ['a', 0] } } };
    expect(outputNodes(graph)).toEqual(['b']);
  });
});
