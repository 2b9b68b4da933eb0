import { describe, expect, it } from 'vitest';
import type { NodeDefinitions } from '../../src/graph/index.js';
import { defineNode, definitionsOf } from '../helpers/node-definitions.js';
import { gatherEvidence } from './evidence.js';
import { Judge, readTemplate } from './judge.js';
import { countBy, renderJudge, sumUp } from './results.js';
import { judgeDefinitions } from './stand-ins.js';

/** The judge itself, without the packages and the browser that it needs to judge. */
const RECORDED = definitionsOf(
  defineNode('SaveImage', { images: ['IMAGE'], filename_prefix: ['STRING', { default: 'x' }] }, { outputNode: true }),
);

const FILE = JSON.stringify({
  version: 0.4,
  nodes: [
    {
      id: 1,
      type: 'YoungNode',
      inputs: [],
      outputs: [{ name: 'IMAGE', type: 'IMAGE', links: [7] }],
      widgets_values: ['a cat', 'large', 2048, 5, 'randomize', true],
      widgets_values_named: {
        text: 'a cat',
        model: 'large',
        'model.width': 2048,
        seed: 5,
        control_after_generate: 'randomize',
        tiled: true,
      },
    },
    { id: 2, type: 'SaveImage', inputs: [{ name: 'images', type: 'IMAGE', link: 7 }], widgets_values: ['out'] },
  ],
  links: [[7, 1, 0, 2, 0, 'IMAGE']],
});

function made(recorded: NodeDefinitions = RECORDED) {
  const template = readTemplate('file', FILE)!;
  return { template, ...judgeDefinitions(recorded, gatherEvidence([template.workflow])) };
}

const EQUAL = {
  1: {
    class_type: 'YoungNode',
    inputs: { text: 'a cat', model: 'large', 'model.width': 2048, seed: 5, tiled: true },
  },
  2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'out' } },
};

describe('the judge of conversions', () => {
  it('makes a stand-in of what a file shows of a node', () => {
    const { definitions, standIns } = made();
    expect([...standIns]).toEqual(['YoungNode']);
    expect(definitions['YoungNode']?.input?.required).toMatchObject({
      text: ['STRING', {}],
      model: ['COMFY_DYNAMICCOMBO_V3', { options: [{ key: 'large', inputs: { required: { width: ['INT', {}] } } }] }],
      seed: ['INT', { control_after_generate: true }],
      tiled: ['BOOLEAN', {}],
    });
  });

  it.each([
    ['equal', EQUAL, { verdict: 'equal', reasons: [] }],
    [
      'equal but for a viewer of the window',
      { ...EQUAL, 2: { ...EQUAL[2], inputs: { ...EQUAL[2].inputs, viewer: '' } } },
      { verdict: 'equal-but', reasons: ['viewer'] },
    ],
    [
      'different',
      { ...EQUAL, 1: { ...EQUAL[1], inputs: { ...EQUAL[1].inputs, seed: 6 } } },
      { verdict: 'differs', differences: ['1 YoungNode.seed: 5 instead of 6'] },
    ],
  ])('finds %s', async (_, official, verdict) => {
    const { template, ...rest } = made();
    const judge = new Judge(rest, () => Promise.resolve(JSON.stringify(official)));
    expect(await judge.judge(template)).toMatchObject({ definitions: 'stand-in', ...verdict });
  });

  it('does not judge what the front end fails on', async () => {
    const { template, ...rest } = made();
    const judge = new Judge(rest, () => Promise.reject(new Error('page crashed')));
    expect(await judge.judge(template)).toMatchObject({ verdict: 'not-judged', reasons: ['front end'] });
  });

  it('counts each file once in its tables', () => {
    const version = { name: 'package', version: '1' };
    const judged = (['equal', 'equal-but', 'differs', 'not-judged'] as const).map((verdict) => {
      return { name: verdict, definitions: 'recorded', verdict, reasons: [], differences: ['a | b'] } as const;
    });
    const lines = renderJudge({ templates: version, frontEnd: version, outcomes: { converted: 4 }, ...sumUp(judged) });
    expect(lines).toContain('| recorded | 3 | 1 | 1 | 1 | 1 |');
    expect(lines).toContain('| differs | a \\| b |');
    expect(lines.join('\n')).toContain('**2 of 3 agree**');
    expect(lines.join('\n')).toContain('the 4 workflows end so; none throws:');
    const bad = { templates: version, frontEnd: version, outcomes: { converted: 3, threw: 1 }, ...sumUp(judged) };
    expect(renderJudge(bad).join('\n')).toContain('the 4 workflows end so; 1 throw:');
    expect(countBy(['a', 'b', 'b'], (key) => key)).toEqual({ b: 2, a: 1 });
  });
});
