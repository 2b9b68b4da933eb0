import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rehearsalOptions } from '../../../test/helpers/node-bench.js';
import { sharedPath } from '../../../test/helpers/shared.js';
import { parseLossless } from '../../core/json.js';
import type { InputSpec, NodeDefinition } from '../../graph/types.js';
import { createCoreNodes } from './index.js';
import type { NodeProfile } from './notation.js';

/** Compares every interface of the library with what real servers answer to /object_info. */
const PROFILES: readonly NodeProfile[] = ['0.8.0', '0.3.64'];

/** Options that change how a value is checked or converted, or which widgets a file holds. */
const COMPARED_OPTIONS = [
  'default',
  'min',
  'max',
  'step',
  'round',
  'multiline',
  'dynamicPrompts',
  'control_after_generate',
  'forceInput',
  'lazy',
  'image_upload',
];

interface Comparable {
  readonly type: unknown;
  readonly choices: readonly unknown[] | null;
  readonly options: Readonly<Record<string, unknown>>;
}

function comparable([type, options = {}]: InputSpec, isModelList: boolean): Comparable {
  const choices = Array.isArray(type) ? type : type === 'COMBO' ? (options['options'] ?? null) : null;
  const isDynamic = type === 'COMFY_DYNAMICCOMBO_V3' || type === 'COMFY_AUTOGROW_V3';
  return {
    type: choices ? 'COMBO' : type,
    choices: isModelList ? null : (choices as readonly unknown[] | null),
    options: {
      ...Object.fromEntries(
        COMPARED_OPTIONS.flatMap((name) => (name in options ? [[name, normal(options[name])]] : [])),
      ),
      ...(isDynamic ? { shape: normal(options['options'] ?? options['template']) } : {}),
    },
  };
}

/** Numbers by value (1 is 1.0, a bigint is its number), objects without regard to the order of keys. */
function normal(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : value;
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'tooltip')
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, normal(inner)]),
  );
}

function orderedInputs(definition: NodeDefinition, group: 'required' | 'optional'): [string, InputSpec][] {
  const inputs = definition.input[group] ?? {};
  return (definition.input_order?.[group] ?? Object.keys(inputs)).map((name) => [name, inputs[name]!]);
}

/** What differs between ours and theirs; empty when they agree. */
function differences(ours: NodeDefinition, theirs: NodeDefinition): string[] {
  const found: string[] = [];
  const compare = (what: string, a: unknown, b: unknown) => {
    const [left, right] = [stringOf(a), stringOf(b)];
    if (left !== right) found.push(`${what}: ${left} instead of ${right}`);
  };
  for (const group of ['required', 'optional'] as const) {
    const [mine, real] = [orderedInputs(ours, group), orderedInputs(theirs, group)];
    compare(
      `${group} inputs`,
      mine.map(([name]) => name),
      real.map(([name]) => name),
    );
    const byName = new Map(real);
    for (const [name, spec] of mine) {
      const other = byName.get(name);
      if (!other) continue;
      const isFileList = spec[1]?.['accepts_any'] === true || spec[1]?.['image_upload'] === true;
      compare(name, comparable(spec, isFileList), comparable(other, isFileList));
    }
  }
  compare('hidden', Object.keys(ours.input.hidden ?? {}).sort(), Object.keys(theirs.input.hidden ?? {}).sort());
  // Some text nodes of 0.8.0 answer null for "not a list".
  const isList = (definition: NodeDefinition) => definition.output_is_list?.map((list) => list === true);
  compare('output_is_list', isList(ours), isList(theirs));
  for (const key of ['output', 'output_name', 'output_node', 'category', 'python_module'] as const) {
    compare(key, ours[key], theirs[key]);
  }
  return found;
}

function stringOf(value: unknown): string {
  return JSON.stringify(normal(value)) ?? 'nothing';
}

const recorded = new Map(
  PROFILES.flatMap((profile) => {
    const path = sharedPath(`data/object-info/${profile}.json`);
    if (!path) return [];
    return [[profile, parseLossless(readFileSync(path, 'utf8')) as unknown as Record<string, NodeDefinition>] as const];
  }),
);

describe.runIf(recorded.size > 0)('core node definitions', () => {
  const libraries = new Map(
    PROFILES.map((profile) => [profile, createCoreNodes({ rehearsal: rehearsalOptions(), profile })]),
  );

  it.each([...(libraries.get('0.8.0') ?? []).map((node) => node.definition.name)])(
    '%s is as a real server has it',
    (name) => {
      const attempts = [...recorded].map(([profile, definitions]) => {
        const ours = libraries.get(profile)?.find((node) => node.definition.name === name)?.definition;
        const theirs = definitions[name];
        if (!ours || !theirs) return [`not in ${profile}`];
        return differences(ours, theirs);
      });
      expect(
        attempts.some((found) => found.length === 0),
        JSON.stringify(attempts, null, 1),
      ).toBe(true);
    },
  );

  it('writes combos and hidden inputs in the form of the profile', () => {
    for (const [profile, definitions] of recorded) {
      for (const { definition } of libraries.get(profile) ?? []) {
        const theirs = definitions[definition.name];
        if (!theirs) continue;
        for (const group of ['required', 'optional'] as const) {
          for (const [name, spec] of orderedInputs(definition, group)) {
            const other = theirs.input[group]?.[name];
            if (other)
              expect([definition.name, name, typeof spec[0]]).toEqual([definition.name, name, typeof other[0]]);
          }
        }
        expect([definition.name, definition.input.hidden]).toEqual([definition.name, theirs.input.hidden]);
      }
    }
  });

  it('covers most core classes of 0.8.0', () => {
    const names = new Set((libraries.get('0.8.0') ?? []).map((node) => node.definition.name));
    const core = Object.values(recorded.get('0.8.0') ?? {}).filter((definition) =>
      /^(nodes$|comfy_extras\.)/.test(definition.python_module ?? ''),
    );
    const missing = core.filter((definition) => !names.has(definition.name)).map((definition) => definition.name);
    expect(core.length - missing.length).toBeGreaterThan(350);
  });
});
