import { NodeException } from '../node.js';
import type { Inputs } from './inputs.js';
import type { NodeFamily, Run } from './library.js';
import { matchAll, replaceAll } from './regex.js';

/** Nodes on texts, numbers and choices. */
const interfaces = `
= primitive v3 utils/primitive
PrimitiveInt  value:INT[-9223372036854775807..9223372036854775807],control_after_generate -> INT
PrimitiveFloat  value:FLOAT[-9223372036854775807..9223372036854775807/0.1] -> FLOAT
PrimitiveString  value:LINE -> STRING
PrimitiveStringMultiline  value:TEXT -> STRING
PrimitiveBoolean  value:BOOLEAN -> BOOLEAN
= preview_any v1 utils
PreviewAny!  source:*
= string v3 utils/string
StringConcatenate  string_a,string_b:TEXT delimiter:LINE="" -> STRING
StringSubstring  string:TEXT start,end:INT -> STRING
StringLength  string:TEXT -> length:INT
CaseConverter  string:TEXT mode:(UPPERCASE|lowercase|Capitalize|Title Case) -> STRING
StringTrim  string:TEXT mode:(Both|Left|Right) -> STRING
StringReplace  string,find,replace:TEXT -> STRING
StringContains  string,substring:TEXT case_sensitive:BOOLEAN=true -> contains:BOOLEAN
StringCompare  string_a,string_b:TEXT mode:(Starts With|Ends With|Equal) case_sensitive:BOOLEAN=true -> BOOLEAN
RegexMatch  string,regex_pattern:TEXT case_insensitive:BOOLEAN=true multiline,dotall:BOOLEAN=false -> matches:BOOLEAN
RegexExtract
  string,regex_pattern:TEXT mode:(First Match|All Matches|First Group|All Groups) case_insensitive:BOOLEAN=true
  multiline,dotall:BOOLEAN=false group_index:INT=1[0..100] -> STRING
RegexReplace
  string,regex_pattern,replace:TEXT case_insensitive?:BOOLEAN=true multiline,dotall?:BOOLEAN=false
  count?:INT=0[0..100] -> STRING
= logic v3 logic
ComfySwitchNode @0.8  switch:BOOLEAN on_false,on_true:special -> output:MATCH(switch)
= logic v3 utils
CustomCombo @0.8  choice:<none> -> STRING
= dataset v3 dataset/text
AddTextPrefix @0.8  texts:LINE prefix:LINE="" -> texts:STRING
AddTextSuffix @0.8  texts:LINE suffix:LINE="" -> texts:STRING
ReplaceText @0.8  texts:LINE find,replace:LINE="" -> texts:STRING
StripWhitespace @0.8  texts:LINE -> texts:STRING
TextToLowercase @0.8  texts:LINE -> texts:STRING
TextToUppercase @0.8  texts:LINE -> texts:STRING
TruncateText @0.8  texts:LINE max_length:STEPS=77 -> texts:STRING
`;

const passOn: Run = (inputs) => [inputs.any('value')];

const switched = [
  'COMFY_MATCHTYPE_V3',
  { lazy: true, template: { template_id: 'switch', allowed_types: '*' } },
] as const;

export const textFamily: NodeFamily = {
  interfaces,
  special: { ComfySwitchNode: { on_false: switched, on_true: switched } },
  behaviours: {
    PrimitiveInt: passOn,
    PrimitiveFloat: passOn,
    PrimitiveString: passOn,
    PrimitiveStringMultiline: passOn,
    PrimitiveBoolean: passOn,
    PreviewAny: (inputs) => ({ outputs: [], ui: { text: [printed(inputs.any('source'))] } }),
    StringConcatenate: (inputs) => [[inputs.text('string_a'), inputs.text('string_b')].join(inputs.text('delimiter'))],
    StringSubstring: (inputs) => [
      characters(inputs, 'string').slice(inputs.integer('start'), inputs.integer('end')).join(''),
    ],
    StringLength: (inputs) => [characters(inputs, 'string').length],
    CaseConverter: (inputs) => [convertCase(inputs.text('string'), inputs.text('mode'))],
    StringTrim: (inputs) => {
      const text = inputs.text('string');
      switch (inputs.text('mode')) {
        case 'Left':
          return [text.trimStart()];
        case 'Right':
          return [text.trimEnd()];
        default:
          return [text.trim()];
      }
    },
    StringReplace: (inputs) => [inputs.text('string').replaceAll(inputs.text('find'), () => inputs.text('replace'))],
    StringContains: (inputs) => {
      const [text, part] = folded(inputs, 'string', 'substring');
      return [text.includes(part)];
    },
    StringCompare: (inputs) => {
      const [a, b] = folded(inputs, 'string_a', 'string_b');
      switch (inputs.text('mode')) {
        case 'Starts With':
          return [a.startsWith(b)];
        case 'Ends With':
          return [a.endsWith(b)];
        default:
          return [a === b];
      }
    },
    RegexMatch: (inputs) => [matchAll(inputs.text('regex_pattern'), flagsOf(inputs), inputs.text('string')).length > 0],
    RegexExtract: (inputs) => [extract(inputs)],
    RegexReplace: (inputs) => [
      replaceAll(inputs.text('regex_pattern'), flagsOf(inputs), inputs.text('string'), {
        replacement: inputs.text('replace'),
        limit: inputs.integer('count'),
      }),
    ],
    ComfySwitchNode: {
      checkLazy: (inputs) => [inputs.flag('switch') ? 'on_true' : 'on_false'],
      run: (inputs) => [inputs.any(inputs.flag('switch') ? 'on_true' : 'on_false')],
    },
    CustomCombo: { validatedInputs: ['choice'], run: (inputs) => [inputs.text('choice')] },
    AddTextPrefix: (inputs) => [inputs.text('prefix') + inputs.text('texts')],
    AddTextSuffix: (inputs) => [inputs.text('texts') + inputs.text('suffix')],
    ReplaceText: (inputs) => [inputs.text('texts').replaceAll(inputs.text('find'), () => inputs.text('replace'))],
    StripWhitespace: (inputs) => [inputs.text('texts').trim()],
    TextToLowercase: (inputs) => [inputs.text('texts').toLowerCase()],
    TextToUppercase: (inputs) => [inputs.text('texts').toUpperCase()],
    TruncateText: (inputs) => [characters(inputs, 'texts').slice(0, inputs.integer('max_length')).join('')],
  },
};

/** Python counts code points where JavaScript counts UTF-16 units. */
function characters(inputs: Inputs, name: string): string[] {
  return Array.from(inputs.text(name));
}

function folded(inputs: Inputs, ...names: readonly [string, string]): [string, string] {
  const fold = (text: string) => (inputs.flag('case_sensitive') ? text : text.toLowerCase());
  return [fold(inputs.text(names[0])), fold(inputs.text(names[1]))];
}

function convertCase(text: string, mode: string): string {
  switch (mode) {
    case 'UPPERCASE':
      return text.toUpperCase();
    case 'lowercase':
      return text.toLowerCase();
    case 'Capitalize':
      return text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();
    case 'Title Case':
      return text.toLowerCase().replace(/\p{L}+/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1));
    default:
      return text;
  }
}

function flagsOf(inputs: Inputs): string {
  return `${inputs.flag('case_insensitive') ? 'i' : ''}${inputs.flag('multiline') ? 'm' : ''}${inputs.flag('dotall') ? 's' : ''}`;
}

function extract(inputs: Inputs): string {
  const matches = matchAll(inputs.text('regex_pattern'), flagsOf(inputs), inputs.text('string'));
  const group = inputs.integer('group_index');
  const groupsOf = (match: readonly (string | null)[]) => (group < match.length ? [match[group] ?? ''] : []);
  switch (inputs.text('mode')) {
    case 'First Match':
      return matches[0]?.[0] ?? '';
    case 'All Matches':
      return matches.map((match) => match[0] ?? '').join('\n');
    case 'First Group':
      return matches[0] ? (groupsOf(matches[0])[0] ?? '') : '';
    case 'All Groups':
      return matches.flatMap(groupsOf).join('\n');
    default:
      throw new NodeException('ValueError', `Unknown mode: ${inputs.text('mode')}`);
  }
}

/** What PreviewAny shows: texts as they are, numbers as Python prints them, anything else by its type and facts. */
function printed(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null || value === undefined) return 'None';
  if (typeof value !== 'object') return String(value);
  const facts = Object.entries(value).flatMap(([key, fact]) =>
    ['string', 'number', 'bigint', 'boolean'].includes(typeof fact) ? [`${key}=${fact}`] : [],
  );
  return facts.join(' ') || 'source exists, but could not be serialized.';
}
