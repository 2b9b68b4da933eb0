import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../core/json.js';
import type { InputSpec } from '../graph/types.js';
import type { NodeClass } from './node.js';
import { engineProfile } from './profile.js';
import { type ValidationResult, validatePrompt } from './validation.js';

const define = (
  name: string,
  required: Record<string, InputSpec>,
  output: readonly (string | readonly JsonValue[])[],
  more: Partial<NodeClass> = {},
): NodeClass => ({
  definition: { name, input: { required }, output, output_node: output.length === 0 },
  execute: () => ({ outputs: [] }),
  ...more,
});

const classes = [
  define('Image', { size: ['INT', { min: 1, max: 100 }], scale: ['FLOAT', { max: 1 }] }, ['IMAGE']),
  define('Number', {}, ['INT']),
  define('Invert', { image: ['IMAGE'] }, ['IMAGE']),
  define('Save', { image: ['IMAGE,MASK'], mode: [['a', 'b']], kind: ['COMBO', { options: ['x'] }] }, []),
  define('Checked', { name: ['STRING', { min: 5 }] }, [], {
    validatedInputs: ['name'],
    validate: ({ name }) => (name === 'good' ? true : name === 'silent' ? '' : `bad: ${String(name)}`),
  }),
  define('Throwing', { name: ['STRING'] }, [], {
    validate: () => {
      throw new TypeError('no');
    },
  }),
];
const nodes = new Map(classes.map((each) => [each.definition.name, each]));

function validate(
  prompt: unknown,
  targets?: JsonValue,
  version: '0.3.64' | '0.8.0' = '0.8.0',
): Promise<ValidationResult> {
  const options = { nodes, profile: engineProfile(version), checkContext: () => ({}) as never };
  return validatePrompt(options, prompt as JsonValue, targets);
}

const node = (class_type: string, inputs: object) => ({ class_type, inputs });
const save = (image: unknown, more: object = {}) => node('Save', { image, mode: 'a', kind: 'x', ...more });
const good = () => ({ '1': node('Image', { size: 2, scale: 0.5 }), '2': save(['1', 0]) });

async function errorsOf(prompt: object, version?: '0.3.64' | '0.8.0') {
  const { nodeErrors } = await validate(prompt, undefined, version);
  return Object.fromEntries(
    Object.entries(nodeErrors).map(([id, { errors }]) => [id, errors.map(({ details, type }) => `${type} ${details}`)]),
  );
}

describe('validatePrompt', () => {
  it('converts values in place', async () => {
    const prompt = { ...good(), '1': node('Image', { size: ' 7 ', scale: '0.25' }) };
    const result = await validate(prompt);
    expect(result).toMatchObject({ isValid: true, outputs: ['2'], nodeErrors: {} });
    expect(prompt['1'].inputs).toEqual({ size: 7, scale: 0.25 });
  });

  it.each([
    ['size', 'x', "invalid_input_type size, x, invalid literal for int() with base 10: 'x'"],
    ['size', 0, 'value_smaller_than_min size'],
    ['size', 101, 'value_bigger_than_max size'],
    ['scale', 2, 'value_bigger_than_max scale'],
    ['size', [1, 2, 3], 'bad_linked_input size'],
    ['size', ['3', 0], 'return_type_mismatch size, received_type(IMAGE) mismatch input_type(INT)'],
  ])('%s = %j', async (name, value, expected) => {
    const prompt = { ...good(), '1': node('Image', { size: 1, scale: 1, [name]: value }), '3': node('Invert', {}) };
    expect(await errorsOf(prompt)).toEqual({ '1': [expected] });
  });

  it('prints limits of FLOAT with a dot', async () => {
    const { nodeErrors } = await validate({ ...good(), '1': node('Image', { size: 1, scale: 2 }) });
    expect(nodeErrors['1']?.errors[0]?.message).toBe('Value 2.0 bigger than max of 1.0');
  });

  it('checks choices, those of the newer notation from 0.8 on', async () => {
    const prompt = { ...good(), '2': save(['1', 0], { mode: 'z', kind: 'z' }) };
    const old = "value_not_in_list mode: 'z' not in ['a', 'b']";
    expect(await errorsOf(structuredClone(prompt), '0.3.64')).toEqual({ '2': [old] });
    expect(await errorsOf(prompt)).toEqual({ '2': [old, "value_not_in_list kind: 'z' not in ['x']"] });
  });

  it.each([
    [['9', 0], "exception_during_validation '9'"],
    [[9, 0], 'exception_during_validation 9'],
    [['1', 5], 'exception_during_validation tuple index out of range'],
    [[['x'], 0], "exception_during_validation unhashable type: 'list'"],
  ])('link %j', async (link, expected) => {
    expect(await errorsOf({ ...good(), '2': save(link) })).toEqual({ '2': [expected] });
  });

  it('blames the inner node for what goes wrong while it is checked', async () => {
    const prompt = { '1': node('Invert', { image: ['9', 0] }), '2': save(['1', 0]) };
    expect(await errorsOf(prompt)).toEqual({ '1': ["exception_during_inner_validation '9'"] });
  });

  it('drops invalid outputs while one is valid, and counts every faulty node against each of them', async () => {
    const prompt = { ...good(), '3': save(['4', 0]), '4': node('Invert', {}), '5': save(['1', 0], { mode: 'z' }) };
    const result = await validate(prompt);
    expect(result).toMatchObject({ isValid: true, outputs: ['2'] });
    expect(result.nodeErrors).toMatchObject({
      '4': { dependent_outputs: ['3', '5'] },
      '5': { dependent_outputs: ['5'] },
    });
  });

  it('finds nothing to say about a cycle but that it is invalid', async () => {
    const prompt = {
      '1': node('Invert', { image: ['3', 0] }),
      '3': node('Invert', { image: ['1', 0] }),
      '2': save(['1', 0]),
    };
    expect(await validate(prompt)).toEqual({
      isValid: false,
      error: {
        type: 'prompt_outputs_failed_validation',
        message: 'Prompt outputs failed validation',
        details: '',
        extra_info: {},
      },
      nodeErrors: {},
    });
  });

  it("takes the node's own word for inputs that it checks itself", async () => {
    const check = (name: unknown) => errorsOf({ '1': node('Checked', { name }) });
    expect(await check('good')).toEqual({});
    expect(await check('x')).toEqual({ '1': ['custom_validation_failed name - bad: x'] });
    expect(await check('silent')).toEqual({ '1': ['custom_validation_failed name'] });
    expect(await errorsOf({ '1': node('Throwing', { name: 'x' }) })).toEqual({
      '1': ['exception_during_validation no'],
    });
  });

  it.each([
    [undefined, ['2', '3']],
    [null, ['2', '3']],
    [['3'], ['3']],
    [['3', 'zzz'], ['3']],
    ['3', ['3']],
  ])('targets %j', async (targets, outputs) => {
    const result = await validate({ ...good(), '3': save(['1', 0]) }, targets);
    expect(result).toMatchObject({ isValid: true, outputs });
  });

  it.each([
    [{}, 'prompt_no_outputs', 'Prompt has no outputs'],
    [[], 'prompt_no_outputs', 'Prompt has no outputs'],
    [{ '1': { inputs: {} } }, 'invalid_prompt', 'Cannot execute because a node is missing the class_type property.'],
    [{ '1': node('Nope', {}) }, 'invalid_prompt', 'Cannot execute because node Nope does not exist.'],
    [{ ...good(), '9': { class_type: 'Number' } }, 'invalid_prompt', 'Cannot execute because a node has no inputs.'],
  ])('refuses %j', async (prompt, type, message) => {
    expect(await validate(prompt)).toMatchObject({ isValid: false, error: { type, message } });
  });

  it.each([null, 5, 'text', [1], { '1': 5 }])('fails like an unhandled exception on %j', async (prompt) => {
    await expect(validate(prompt)).rejects.toThrow();
  });
});
