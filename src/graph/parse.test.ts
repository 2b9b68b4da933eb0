import { describe, expect, it } from 'vitest';
import type { EaselError } from '../core/errors.js';
import { detectFormat, parseWorkflowText } from './parse.js';

const GRAPH = '{"3":{"class_type":"K","inputs":{"seed":18446744073709551615,"on":true}}}';
const UI = '{"nodes":[{"id":1,"type":"K"}],"links":[]}';
const graph = { '3': { class_type: 'K', inputs: { seed: 18446744073709551615n, on: true } } };
const workflow = { nodes: [{ id: 1, type: 'K' }], links: [] };

function faultOf(text: string, maxBytes?: number): EaselError {
  try {
    parseWorkflowText(text, { sourceName: 'x.json', ...(maxBytes === undefined ? {} : { maxBytes }) });
  } catch (error) {
    return error as EaselError;
  }
  return expect.fail('the text was accepted');
}

describe('formats', () => {
  it.each([
    [GRAPH, 'api'],
    [UI, 'ui'],
    ['{}', null],
    ['[]', null],
    ['{"a":1}', null],
    ['{"a":{}}', null],
  ])('%s is %s', (text, format) => {
    expect(detectFormat(JSON.parse(text))).toBe(format);
  });

  it.each([
    ['a graph', GRAPH, { format: 'api', graph }],
    ['a UI workflow', UI, { format: 'ui', workflow }],
    ['a graph with a byte order mark', `\ufeff${GRAPH}`, { format: 'api', graph }],
    ['{prompt}', `{"client_id":"c","prompt":${GRAPH}}`, { format: 'api', graph }],
    [
      '{prompt} as posted',
      `{"prompt":${GRAPH},"extra_data":{"extra_pnginfo":{"workflow":${UI}}}}`,
      { format: 'api', graph, workflow },
    ],
    ['{workflow, output}', `{"workflow":${UI},"output":${GRAPH}}`, { format: 'api', graph, workflow }],
    ['{workflow} alone', `{"workflow":${UI}}`, { format: 'ui', workflow }],
    ['{workflow} that is a graph', `{"workflow":${GRAPH}}`, { format: 'api', graph }],
    ['JSON inside JSON', JSON.stringify({ prompt: GRAPH }), { format: 'api', graph }],
    [
      'Python tokens',
      GRAPH.replace('true', 'NaN'),
      { format: 'api', graph: { '3': { class_type: 'K', inputs: { seed: 18446744073709551615n, on: null } } } },
    ],
  ])('reads %s', (_, text, expected) => {
    expect(parseWorkflowText(text)).toEqual(expected);
  });

  it('drops change tokens', () => {
    const text = GRAPH.replace('"inputs"', '"is_changed":["abc"],"inputs"');
    expect(parseWorkflowText(text).graph).toEqual(graph);
  });
});

describe('what is no workflow', () => {
  it.each([
    ['', 'x.json is empty'],
    [' \n ', 'x.json is empty'],
    ['hello', 'x.json is not JSON'],
    ['"text"', 'x.json is not JSON'],
    ['{"a":', 'x.json is not valid JSON'],
    ['[1,2]', 'x.json is JSON, but not an object'],
    ['{"a":1}', 'neither a workflow nor a graph'],
    ['{"prompt":"a cat"}', 'neither a workflow nor a graph'],
  ])('%j', (text, message) => {
    const error = faultOf(text);
    expect(error.code).toBe('file_not_a_workflow');
    expect(error.message).toContain(message);
  });

  it('is refused before it can overflow the stack or the memory', () => {
    expect(faultOf('['.repeat(1_000_000)).message).toContain('nested deeper');
    expect(faultOf(`{"a":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_001)}`).message).toContain('nested deeper');
    expect(faultOf(GRAPH, 10).code).toBe('payload_too_large');
  });

  it('does not count brackets inside texts', () => {
    expect(parseWorkflowText(GRAPH.replace('true', JSON.stringify(`${'['.repeat(5_000)}"\\`))).format).toBe('api');
  });

  it('is told within a moment for hostile quotes', () => {
    expect(faultOf(`{"NaN${'\\"'.repeat(2_000_000)}`).code).toBe('file_not_a_workflow');
  });

  it('is told apart from a malformed graph', () => {
    expect(faultOf('{"3":{"class_type":"K"}}').code).toBe('graph_invalid');
  });
});
