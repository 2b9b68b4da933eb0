import { describe, expect, it } from 'vitest';
import type { Graph } from '../graph/types.js';
import { refusalError } from './refusals.js';
import { nodeErrorsSchema, promptRefusedSchema } from './schemas.js';

const graph: Graph = {
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'gone.safetensors' } },
  '3': { class_type: 'KSampler', inputs: { steps: 0 }, _meta: { title: 'Second pass' } },
  '9': { class_type: 'NoSuchNode', inputs: {} },
};

const inputError = (type: string, input_name: string, more: object = {}) => ({
  type,
  message: type === 'value_not_in_list' ? 'Value not in list' : 'Value 0 smaller than min of 1',
  details: input_name,
  extra_info: { input_name, ...more },
});
const nodeError = (class_type: string, ...errors: object[]) => ({ class_type, dependent_outputs: ['9'], errors });
const refuse = (nodeErrors: object) => refusalError({ nodeErrors: nodeErrorsSchema.parse(nodeErrors) }, graph);
const missingModel = inputError('value_not_in_list', 'ckpt_name', { received_value: 'gone.safetensors' });

describe('a refused prompt', () => {
  it('names node, title, input and reason', () => {
    const error = refuse({ '3': nodeError('KSampler', inputError('value_smaller_than_min', 'steps')) });
    expect(error.code).toBe('backend_rejected_graph');
    expect(error.message).toBe('Node 3 (KSampler "Second pass"), input "steps": Value 0 smaller than min of 1.');
    expect(error.details).toMatchObject({ nodeId: '3', inputName: 'steps', faultCount: 1 });
  });

  it('knows a missing model file, by its name or by the input', () => {
    expect(refuse({ '4': nodeError('CheckpointLoaderSimple', missingModel) }).code).toBe('backend_model_missing');
    const unusual = inputError('value_not_in_list', 'lora_name_2', { received_value: 'styles/anime' });
    expect(refuse({ '4': nodeError('LoraStack', unusual) }).code).toBe('backend_model_missing');
    const sampler = inputError('value_not_in_list', 'sampler_name', { received_value: 'zzz' });
    expect(refuse({ '3': nodeError('KSampler', sampler) }).code).toBe('backend_rejected_graph');
  });

  it('does not blame the model where the graph has another fault too', () => {
    const error = refuse({
      '3': nodeError('KSampler', inputError('value_smaller_than_min', 'steps')),
      '4': nodeError('CheckpointLoaderSimple', missingModel),
    });
    expect(error.code).toBe('backend_rejected_graph');
    expect(error.message).toMatch(/Node 3.*Node 4/);
  });

  it('shows a few of many faults and lists them', () => {
    const many = Object.fromEntries(
      Array.from({ length: 80 }, (_, index) => [`n${index}`, nodeError('X', inputError('a', 'b'))]),
    );
    const error = refuse(many);
    expect(error.message).toMatch(/And 77 more\.$/);
    expect(error.details?.['faultCount']).toBe(80);
    expect(error.details?.['nodeErrors']).toHaveLength(50);
  });

  it.each([
    [
      {
        type: 'invalid_prompt',
        message: 'Cannot execute because node NoSuchNode does not exist.',
        details: "Node ID '#9'",
      },
      { nodeId: '9', classType: 'NoSuchNode' },
    ],
    [
      {
        type: 'missing_node_type',
        message: "Node 'My title' not found. The custom node may not be installed.",
        details: "Node ID '#9'",
        extra_info: { node_id: '9', class_type: 'NoSuchNode', node_title: 'My title' },
      },
      { nodeId: '9', classType: 'NoSuchNode' },
    ],
  ])('knows a missing node class in both wordings', (error, details) => {
    const refused = promptRefusedSchema.parse({ error, node_errors: {} });
    const result = refusalError({ error: refused.error, nodeErrors: refused.node_errors }, graph);
    expect(result.code).toBe('backend_node_missing');
    expect(result.details).toMatchObject(details);
  });

  it('takes an error that is a string, and node_errors that are an array', () => {
    const refused = promptRefusedSchema.parse({ error: 'queue is full', node_errors: [] });
    const error = refusalError({ error: refused.error, nodeErrors: refused.node_errors }, graph);
    expect(error).toMatchObject({ code: 'backend_rejected_graph', message: 'queue is full.' });
  });

  it('tells what to do about a graph without outputs', () => {
    const refused = promptRefusedSchema.parse({
      error: { type: 'prompt_no_outputs', message: 'Prompt has no outputs', details: '', extra_info: {} },
      node_errors: {},
    });
    const error = refusalError({ error: refused.error, nodeErrors: refused.node_errors }, graph);
    expect(error).toMatchObject({ code: 'backend_rejected_graph', message: 'Prompt has no outputs.' });
    expect(error.hint).toContain('save');
  });

  it.each([{ '9': 'nonsense' }, { '9': {} }, ['nonsense'], { '9': { errors: 5 } }])(
    'keeps a fault that makes no sense (%#)',
    (nodeErrors) => {
      expect(Object.keys(nodeErrorsSchema.parse(nodeErrors))).toHaveLength(1);
    },
  );

  it('says so when there is no reason at all', () => {
    expect(refuse({}).message).toContain('does not say why');
  });
});
