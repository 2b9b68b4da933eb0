import { describe, expect, it } from 'vitest';
import { parseInterfaces } from './notation.js';

const parse = (text: string, options: Partial<Parameters<typeof parseInterfaces>[1]> = {}) =>
  parseInterfaces(text, { profile: '0.8.0', models: 'any', ...options });

describe('notation of node interfaces', () => {
  it('reads inputs, defaults, ranges and outputs', () => {
    const { definition, defaults } = parse(`
= nodes v1 sampling
Thing! +graph  model:MODEL seed:SEED
  cfg:FLOAT=8[0..100/0.1~0.01] text?:STRING="a b" -> LATENT a,b:IMAGE TEXT[]
`).get('Thing')!;
    expect(definition).toEqual({
      name: 'Thing',
      display_name: 'Thing',
      description: '',
      python_module: 'nodes',
      category: 'sampling',
      output_node: true,
      input: {
        required: {
          model: ['MODEL'],
          seed: ['INT', { default: 0, min: 0, max: 18446744073709551615n, control_after_generate: true }],
          cfg: ['FLOAT', { default: 8, min: 0, max: 100, step: 0.1, round: 0.01 }],
        },
        optional: { text: ['STRING', { default: 'a b' }] },
        hidden: { prompt: 'PROMPT', extra_pnginfo: 'EXTRA_PNGINFO' },
      },
      input_order: {
        required: ['model', 'seed', 'cfg'],
        optional: ['text'],
        hidden: ['prompt', 'extra_pnginfo'],
      },
      output: ['LATENT', 'IMAGE', 'IMAGE', 'TEXT'],
      output_name: ['LATENT', 'a', 'b', 'TEXT'],
      output_is_list: [false, false, false, true],
    });
    expect(defaults.get('cfg')).toBe(8);
  });

  it('writes choices in the form of the class', () => {
    const text = '= mask v1>v3 mask\nThing  way:(left|right)=left';
    const way = (profile: '0.3.64' | '0.8.0') =>
      parse(text, { profile }).get('Thing')?.definition.input.required?.['way'];
    expect(way('0.3.64')).toEqual([['left', 'right'], { default: 'left' }]);
    expect(way('0.8.0')).toEqual(['COMBO', { default: 'left', multiselect: false, options: ['left', 'right'] }]);
  });

  it('leaves out what a version does not know', () => {
    const text = '= nodes v1 x\nNew @0.8  a:INT\nOld  a:INT b@0.8:INT c:(x|y@0.8)';
    const old = parse(text, { profile: '0.3.64' });
    expect([...old.keys()]).toEqual(['Old']);
    expect(old.get('Old')?.definition.input.required).toEqual({ a: ['INT'], c: [['x'], {}] });
    expect(parse(text).get('Old')?.definition.input.required).toEqual({ a: ['INT'], b: ['INT'], c: [['x', 'y'], {}] });
  });

  it('offers the model files of a folder, or says that any name will do', () => {
    const text = '= nodes v1 loaders\nThing  vae_name:<vae|pixel_space>';
    const any = parse(text).get('Thing')!;
    expect(any.definition.input.required).toEqual({ vae_name: [['pixel_space'], { accepts_any: true }] });
    expect([...any.modelInputs]).toEqual([['vae_name', 'vae']]);
    const listed = parse(text, { models: { vae: ['a.safetensors'] } }).get('Thing')!;
    expect(listed.definition.input.required).toEqual({ vae_name: [['a.safetensors', 'pixel_space'], {}] });
  });

  it('repeats numbered inputs', () => {
    const merge = parse('= nodes v1 x\nMerge  blocks.{0..2}.:UNIT').get('Merge');
    expect(Object.keys(merge?.definition.input.required ?? {})).toEqual(['blocks.0.', 'blocks.1.', 'blocks.2.']);
  });

  it('names what it cannot read', () => {
    expect(() => parse('= nodes v1 x\nThing  nonsense')).toThrow('nonsense');
    expect(() => parse('= nodes v1 x\nThing  a:(@nolist)')).toThrow('nolist');
  });
});
