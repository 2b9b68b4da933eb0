import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, openBench } from '../../../test/helpers/node-bench.js';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const run = (name: string, inputs: Readonly<Record<string, unknown>>) => bench.output(name, inputs);

describe('text nodes', () => {
  it('passes primitives on, big integers whole', async () => {
    expect(await run('PrimitiveInt', { value: 9223372036854775807n })).toBe(9223372036854775807n);
    expect(await run('PrimitiveBoolean', { value: false })).toBe(false);
    expect(await run('PrimitiveString', { value: '' })).toBe('');
  });

  it.each([
    ['StringConcatenate', { string_a: 'a', string_b: 'b', delimiter: '-' }, 'a-b'],
    ['StringSubstring', { string: 'a😀bc', start: 1, end: -1 }, '😀b'],
    ['StringLength', { string: 'a😀b' }, 3],
    ['CaseConverter', { string: 'two WORDS', mode: 'Title Case' }, 'Two Words'],
    ['CaseConverter', { string: 'two WORDS', mode: 'Capitalize' }, 'Two words'],
    ['StringTrim', { string: ' a ', mode: 'Left' }, 'a '],
    ['StringReplace', { string: 'a.a', find: '.', replace: '$&' }, 'a$&a'],
    ['StringContains', { string: 'ABC', substring: 'b', case_sensitive: false }, true],
    ['StringCompare', { string_a: 'abc', string_b: 'bc', mode: 'Ends With', case_sensitive: true }, true],
    ['TruncateText', { texts: 'abcdef', max_length: 3 }, 'abc'],
  ])('%s %j', async (name, inputs, expected) => {
    expect(await run(name, inputs)).toBe(expected);
  });

  it('matches, extracts and replaces by regular expressions in Python notation', async () => {
    const flags = { case_insensitive: true, multiline: false, dotall: false };
    const text = { string: 'Seed 12, seed 345', ...flags };
    expect(await run('RegexMatch', { ...text, regex_pattern: 'SEED' })).toBe(true);
    const extract = (mode: string) =>
      run('RegexExtract', { ...text, regex_pattern: '(?P<word>seed) (\\d+)', mode, group_index: 2 });
    expect(await extract('First Match')).toBe('Seed 12');
    expect(await extract('All Groups')).toBe('12\n345');
    expect(
      await run('RegexReplace', { ...text, regex_pattern: '(?P<w>seed) (\\d+)', replace: '\\g<w>=\\2$1', count: 1 }),
    ).toBe('Seed=12$1, seed 345');
    expect(await run('RegexReplace', { ...text, regex_pattern: '(?<=Seed )\\d', replace: 'x' })).toBe(
      'Seed x2, seed x45',
    );
  });

  it('stops an expression that does not end, and names a wrong one', async () => {
    const flags = { case_insensitive: false, multiline: false, dotall: false };
    await expect(
      run('RegexMatch', { string: 'a'.repeat(64), regex_pattern: '(a*)*b', ...flags }),
    ).rejects.toMatchObject({ exceptionType: 'TimeoutError' });
    await expect(run('RegexMatch', { string: 'a', regex_pattern: '(', ...flags })).rejects.toMatchObject({
      exceptionType: 're.error',
    });
  });

  it('asks only for the branch that a switch takes', async () => {
    const { checkLazy } = bench.node('ComfySwitchNode');
    expect(checkLazy?.({ switch: true }, bench.context)).toEqual(['on_true']);
    expect(await run('ComfySwitchNode', { switch: false, on_false: 'no' })).toBe('no');
  });

  it('shows any value as text', async () => {
    const shown = async (source: unknown) => (await bench.run('PreviewAny', { source })).ui;
    expect(await shown('text')).toEqual({ text: ['text'] });
    expect(await shown(true)).toEqual({ text: ['True'] });
    expect(await shown(18446744073709551615n)).toEqual({ text: ['18446744073709551615'] });
    expect(await shown({ type: 'MODEL', name: 'x.safetensors' })).toEqual({ text: ['type=MODEL name=x.safetensors'] });
  });
});
