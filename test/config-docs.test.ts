import { describe, expect, test } from 'vitest';
import { maskUrl } from '../src/config/describe.js';
import { CONFIG_FILE_NAMES } from '../src/config/file.js';
import {
  alternativesOf,
  configJsonSchema,
  describeType,
  listSettings,
  type SchemaNode,
} from '../src/config/settings.js';
import { expectGenerated } from './helpers/generated.js';

const INTRODUCTION = `# Configuration

Generated from the schema in \`src/config/schema.ts\`; a test keeps it current (\`EASEL_UPDATE_DOCS=1 npx vitest run test/config-docs.test.ts\`).

Settings come from four places, later ones over earlier ones:

1. the defaults below;
2. one file in the working folder: ${CONFIG_FILE_NAMES.map((name) => `\`${name}\``).join(', ')}
   (another path: \`EASEL_CONFIG\`). A module exports the object as its default. TypeScript needs Node 22.18 or newer, or
   esbuild beside Easel;
3. environment variables, named in the table. Lists and objects are JSON; \`EASEL_BACKENDS\` may also be URLs with commas
   between them. An empty variable counts as not set;
4. flags of the command line.

Relative paths refer to the folder of the file that holds them, otherwise to the working folder. A name that is not in this
list is an error, and so is a value that does not fit: all of them are reported at once, each with the place where it was
written. \`easel config\` prints every effective setting with its origin, and hides secrets.

`;

function renderReference(): string {
  const settings = listSettings();
  const rows = settings.map(({ path, variable, schema }) =>
    row([`\`${path}\``, describeType(schema), formatDefault(path, schema), describeMeaning(schema), `\`${variable}\``]),
  );
  const backend = settings.find(({ path }) => path === 'backends')!.schema.items!;
  return [
    INTRODUCTION,
    table(['Setting', 'Type', 'Default', 'Meaning', 'Variable'], rows),
    '\n## Backends\n',
    ...alternativesOf(backend).map((kind) => {
      const name = String(kind.properties?.['kind']?.const);
      return `\n\`kind: ${JSON.stringify(name)}\`: ${kind.properties?.['kind']?.description}\n\n${table(
        ['Field', 'Type', 'Required', 'Meaning'],
        fieldRows(kind, ''),
      )}`;
    }),
  ].join('');
}

function fieldRows(schema: SchemaNode, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const path = `${prefix}${name}`;
    const required = schema.required?.includes(name) ? 'yes' : '';
    const nested = [child, ...alternativesOf(child)].flatMap((part) => fieldRows(part, `${path}.`));
    return [row([`\`${path}\``, describeType(child), required, describeMeaning(child)]), ...new Set(nested)];
  });
}

function describeMeaning({ description = '', secret }: SchemaNode): string {
  if (secret === undefined) return description;
  return `${description} ${secret === 'url' ? 'Credentials in it are never shown.' : 'Never shown.'}`;
}

function formatDefault(path: string, { default: value }: SchemaNode): string {
  return value === undefined
    ? path === 'databaseUrl'
      ? '`sqlite:` in `dataDir`'
      : ''
    : `\`${JSON.stringify(value)}\``;
}

const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
const table = (head: readonly string[], rows: readonly string[]) =>
  `${row(head)}|${' --- |'.repeat(head.length)}\n${rows.join('')}`;

describe('the schema', () => {
  test('is what docs/configuration.md says', () => {
    expectGenerated('docs/configuration.md', renderReference());
  });

  test('explains every setting, and gives each a variable of its own', () => {
    const settings = listSettings();
    expect(settings.filter(({ schema }) => !schema.description).map(({ path }) => path)).toEqual([]);
    expect(new Set(settings.map(({ variable }) => variable)).size).toBe(settings.length);
    expect(settings.map(({ variable }) => variable)).toContain('EASEL_LIMITS_QUEUE_MS');
  });

  test('marks as secret whatever is named like one', () => {
    const unmarked: string[] = [];
    const visit = (schema: SchemaNode, path: string) => {
      for (const [name, child] of Object.entries(schema.properties ?? {})) {
        if (/token|password|secret|key$|headers|url$/i.test(name) && !child.secret) unmarked.push(`${path}.${name}`);
        visit(child, `${path}.${name}`);
      }
      if (schema.items) visit(schema.items, `${path}[]`);
      for (const alternative of alternativesOf(schema)) visit(alternative, path);
    };
    visit(configJsonSchema(), '');
    expect(unmarked).toEqual([]);
  });

  test('masks a URL without credentials to itself', () => {
    expect(maskUrl('http://127.0.0.1:8188/')).toBe('http://127.0.0.1:8188/');
  });
});
