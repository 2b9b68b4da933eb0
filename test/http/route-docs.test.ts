import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SCOPES } from '../../src/access/index.js';
import { expectGenerated } from '../helpers/generated.js';
import { exists } from '../helpers/sources.js';
import { declaredRoutes } from './requests.js';
import { type WholeServer, wholeServer } from './whole.js';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The document with what stands between the two marks replaced. */
function between(text: string, name: string, made: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  expect(start, `${open} is missing`).toBeGreaterThan(-1);
  return `${text.slice(0, start + open.length)}\n${made}\n${text.slice(end)}`;
}

describe('documents of the API', () => {
  let server: WholeServer;
  beforeAll(async () => {
    server = await wholeServer();
  });
  afterAll(() => server.close());

  test('docs/http.md lists every route with its scope', () => {
    const summaries = new Map(server.routes.map(({ config }) => [config.facts?.operationId, config.facts?.summary]));
    const rows = declaredRoutes(server)
      .sort((a, b) => (a.url < b.url ? -1 : a.url > b.url ? 1 : 0))
      .map(({ method, url, operationId, scopes }) => {
        const scope = scopes.map((each) => (each === 'public' || each === 'optional' ? 'no key' : `\`${each}\``));
        const path = url.replaceAll(/:(\w+)/g, '{$1}');
        return `| \`${method} ${path}\` | ${summaries.get(operationId)?.replace(/\.$/, '')} | ${scope.join(', ')} |`;
      });
    const table = ['| route | | scope |', '|---|---|---|', ...rows].join('\n');
    expectGenerated('docs/http.md', between(read('docs/http.md'), 'routes', table));
  });

  test('docs/security.md lists every scope', () => {
    const rows = Object.entries(SCOPES).map(([scope, meaning]) => `| \`${scope}\` | ${meaning} |`);
    const table = ['| scope | |', '|---|---|', ...rows].join('\n');
    expectGenerated('docs/security.md', between(read('docs/security.md'), 'scopes', table));
  });

  test('docs/security.md names a test for each of the OWASP API Top 10, and each of them is there', () => {
    const rows = read('docs/security.md').match(/^\| API\d+:2023 .*$/gm) ?? [];
    expect(rows).toHaveLength(10);
    for (const row of rows) {
      const proofs = [...row.matchAll(/`(test\/[^`]+\.ts|src\/[^`]+\.test\.ts)` "([^"]+)"/g)];
      expect(proofs.length, row).toBeGreaterThan(0);
      for (const [, path = '', name = ''] of proofs) {
        expect(exists(path), path).toBe(true);
        expect(read(path).includes(name), `${path} has no test "${name}"`).toBe(true);
      }
    }
  });
});
