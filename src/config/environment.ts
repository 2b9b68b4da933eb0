import { nearest } from './nearest.js';
import type { Problem } from './problems.js';
import { alternativesOf, describeType, type SchemaNode, type Setting } from './settings.js';

/** Variables that begin with EASEL_ and are not settings. */
const OTHER_VARIABLES = [
  'EASEL_CONFIG',
  'EASEL_DEBUG',
  'EASEL_BACKEND_TOKEN',
  'EASEL_KEY',
  'EASEL_BUILD_DIR',
  'EASEL_UPDATE_DOCS',
];
/** Kubernetes sets these by itself in every container next to a service that is called "easel". */
const SERVICE_LINKS = /^EASEL_(SERVICE_(HOST|PORT)(_.+)?|PORT(_\d+_(TCP|UDP)(_.+)?)?)$/;

export interface GivenSetting {
  readonly setting: Setting;
  readonly value: unknown;
  readonly variable: string;
}

/** Reads the settings from environment variables. An empty variable counts as not set, as Compose files leave them. */
export function readEnvironment(
  settings: readonly Setting[],
  environment: Readonly<Record<string, string | undefined>>,
): { readonly given: GivenSetting[]; readonly problems: Problem[] } {
  const byVariable = new Map(settings.map((setting) => [setting.variable, setting]));
  const given: GivenSetting[] = [];
  const problems: Problem[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('EASEL_') || text === undefined || text === '') continue;
    const setting = byVariable.get(variable);
    const origin = { source: 'environment', name: variable } as const;
    if (setting) {
      const value = parseText(text, setting.schema);
      if (value === undefined) problems.push({ path: setting.path, origin, message: expectation(setting.schema) });
      else given.push({ setting, value, variable });
    } else if (!isOtherVariable(variable)) {
      const suggestion = nearest(variable, byVariable.keys());
      problems.push({
        path: variable,
        origin: { source: 'environment', name: 'environment' },
        message: 'is not a setting.',
        ...(suggestion === null ? {} : { suggestion }),
      });
    }
  }
  return { given, problems };
}

function isOtherVariable(variable: string): boolean {
  return OTHER_VARIABLES.includes(variable) || variable.startsWith('EASEL_TEST_') || SERVICE_LINKS.test(variable);
}

/** Turns the text of a variable or flag into a value of the setting's type; undefined when it cannot be one. */
export function parseText(text: string, schema: SchemaNode): unknown {
  const trimmed = text.trim();
  switch (schema.type) {
    case 'integer':
      return /^[+-]?\d+$/.test(trimmed) ? Number(trimmed) : undefined;
    case 'boolean':
      return { true: true, '1': true, false: false, '0': false }[trimmed.toLowerCase()];
    case 'array':
      return trimmed.startsWith('[') ? parseJson(trimmed) : trimmed.split(',').map((item) => item.trim());
    case 'string':
      return text;
    default:
      // Alternatives: JSON when it looks like it, otherwise the text itself.
      return alternativesOf(schema).length > 0 && !/^[{["]/.test(trimmed) ? text : parseJson(trimmed);
  }
}

export function expectation(schema: SchemaNode): string {
  return schema.type === 'array' ? 'expected a JSON list.' : `expected ${describeType(schema)}.`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
