import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type JsonObject, parseLossless } from '../../src/core/json.js';
import { parseWorkflowText } from '../../src/graph/index.js';
import { manifestSchema } from '../../src/workflows/manifest.js';
import { runInProcess } from '../e2e/in-process.js';
import { documentedCommands } from '../helpers/documents.js';
import { expectGenerated } from '../helpers/generated.js';
import { definitions } from '../helpers/picture-graph.js';
import { readText } from '../helpers/sources.js';
import { parseCommands } from '../http/curl.js';
import { lossless, useServers } from '../http/harness.js';

const text = readText('docs/workflows.md') ?? '';
const BEGIN = '<!-- begin: generated from src/workflows/manifest.ts -->';
const END = '<!-- end -->';
const examples = fileURLToPath(new URL('../../examples/workflows/', import.meta.url));
const read = (name: string) => readFileSync(join(examples, name), 'utf8');

interface Property {
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Property[];
  readonly items?: Property;
  readonly properties?: Readonly<Record<string, Property>>;
}

function typeOf(property: Property): string {
  const { type, enum: words, anyOf, items, const: constant } = property;
  if (constant !== undefined) return String(constant);
  if (words !== undefined) return words.map((word) => `\`${word}\``).join(', ');
  // A bigint has no JSON Schema, and is a number to whoever writes one.
  if (anyOf !== undefined) {
    const types = [...new Set(anyOf.map(typeOf))];
    return types.filter((name) => name !== 'any value' || types.length === 1).join(' or ');
  }
  if (type === 'array') return items?.properties === undefined ? `list of ${typeOf(items ?? {})}` : 'list';
  return type === undefined ? 'any value' : type === 'string' ? 'text' : type;
}

function rows(properties: Readonly<Record<string, Property>>, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const inner =
      property.properties ?? property.items?.properties ?? property.anyOf?.find((one) => one.properties)?.properties;
    const path = `${prefix}${name}${property.type === 'array' && inner !== undefined ? '[]' : ''}`;
    // Only a list of targets is an object without words of its own.
    const isTarget = inner !== undefined && Object.keys(inner).join() === 'node,input';
    return [
      `| \`${path}\` | ${typeOf(property)} | ${(property.description ?? '').replace(/<[^>]*>/g, (tag) => `\`${tag}\``)} |`,
      ...(inner === undefined || isTarget ? [] : rows(inner, `${path}.`)),
    ];
  });
}

describe('docs/workflows.md', () => {
  /** `EASEL_UPDATE_DOCS=1 npx vitest run test/workflows/docs.test.ts` writes the table anew. */
  test('describes every field of a manifest', () => {
    const schema = z.toJSONSchema(manifestSchema, { unrepresentable: 'any', io: 'input' }) as Property;
    const table = ['| field | type | |', '|---|---|---|', ...rows(schema.properties ?? {}, '')];
    expect(table.filter((row) => row.endsWith('|  |'))).toEqual([]);
    const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
    expect(begin).toBeGreaterThan(0);
    const generated = `${text.slice(0, begin + BEGIN.length)}\n${table.join('\n')}\n${text.slice(end)}`;
    expectGenerated('docs/workflows.md', generated);
  });

  test('shows the manifest of the example as it is', () => {
    const shown = /^```json\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? '';
    expect(parseLossless(shown)).toEqual(parseLossless(read('postcard.easel.json')));
  });

  const home = mkdtempSync(join(tmpdir(), 'easel-workflows-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test('has commands that work, one after the other', async () => {
    cpSync(examples, home, { recursive: true });
    const commands = documentedCommands('docs/workflows.md', 'easel');
    expect(commands.length).toBeGreaterThan(7);
    for (const { command, line } of commands) {
      const words = [...command.matchAll(/(?:"[^"]*"|[^\s"])+/g)].map(([word]) => word.replaceAll('"', ''));
      const { code, stderr } = await runInProcess(words.slice(1), {
        cwd: home,
        env: { EASEL_EMBEDDED_STEP_MS: '0', EASEL_EMBEDDED_LOAD_MS: '0' },
      });
      expect(`line ${line}, ${command}: ${code} ${code === 0 ? '' : stderr}`).toBe(`line ${line}, ${command}: 0 `);
    }
    for (const name of ['card.png', 'train.png']) expect(readFileSync(join(home, name)).length).toBeGreaterThan(1_000);
  }, 60_000);

  const server = useServers();

  test('has requests that are answered as it says', async () => {
    const { listen, app } = await server({ definitions: async () => definitions() });
    const { url } = await listen();
    const variables: Record<string, string> = { EASEL: url };
    const added = await app.inject({
      method: 'POST',
      url: '/v1/workflows',
      payload: {
        ...parseWorkflowText(read('postcard.json')),
        format: undefined,
        manifest: parseLossless(read('postcard.easel.json')) as JsonObject,
      },
    });
    expect(added.statusCode, added.body).toBe(201);
    const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
    const commands = blocks.flatMap((block) => parseCommands(block));
    expect(commands).toHaveLength(text.match(/^curl /gm)?.length ?? 0);
    for (const command of commands) {
      const { url: address, headers, method, body, expected } = command(variables, {});
      const answer = await fetch(address, { method, headers, ...(body === undefined ? {} : { body }) });
      const told = await answer.text();
      expect(answer.status, `${method} ${address}: ${told}`).toBe(expected);
      const { id } = lossless(told) as { readonly id?: string };
      if (method === 'POST' && id !== undefined) variables['ID'] = id;
    }
  });
});
