import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../src/core/errors.js';
import { expectGenerated } from './helpers/generated.js';
import { exists, folders, readText, trackedFiles } from './helpers/sources.js';

const EXIT_CODES: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'unexpected fault in Easel',
  2: 'bad usage or bad input',
  3: 'the backend refused or could not run the graph',
  4: 'the backend could not be reached, or is not a ComfyUI',
  5: 'a time limit passed',
  130: 'cancelled by the user',
};

const entries = Object.entries(ERROR_CATALOGUE);
const cell = (text: string) => text.replaceAll('|', '\\|');

function render(): string {
  const rows = entries.map(
    ([code, facts]) =>
      `| \`${code}\` | ${cell(facts.summary)} | ${facts.httpStatus} | ${facts.exitCode} | ${facts.retryable ? 'yes' : 'no'} | ${cell(facts.hint)} |`,
  );
  return [
    '# Errors',
    '',
    'Generated from `src/core/error-codes/`; change it there and run `EASEL_UPDATE_DOCS=1 npx vitest run test/docs.test.ts`.',
    '',
    'Every error that Easel raises on purpose has one of these codes. Codes are stable: programs may depend on them. Messages and',
    'hints are for people and may change. "Retry" tells whether the same request can succeed later without being changed.',
    '',
    '| code | what happened | HTTP | exit | retry | way out |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    '## Exit codes of the command line',
    '',
    '| exit | meaning |',
    '|---|---|',
    ...Object.entries(EXIT_CODES).map(([exit, meaning]) => `| ${exit} | ${meaning} |`),
    '',
  ].join('\n');
}

describe('docs/errors.md', () => {
  it('lists every code of the catalogue', () => {
    expectGenerated('docs/errors.md', render());
  });

  it('has a usable entry for every code', () => {
    for (const [code, facts] of entries) {
      expect(code).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      expect(facts.httpStatus, code).toBeGreaterThanOrEqual(400);
      expect(facts.httpStatus, code).toBeLessThan(600);
      expect(EXIT_CODES, code).toHaveProperty(String(facts.exitCode));
      for (const text of [facts.summary, facts.hint]) expect(text, code).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('never tells a client to retry what is its own mistake', () => {
    for (const [code, facts] of entries) {
      const isClientFault = facts.httpStatus < 500 && facts.httpStatus !== 429;
      if (isClientFault) expect(facts.retryable, code).toBe(false);
    }
  });
});

describe('documents', () => {
  const files = trackedFiles();
  const documents = (files ?? []).filter((path) => path.endsWith('.md'));

  it('link only to files that exist', (context) => {
    if (files === null) context.skip('this is no git checkout, so tracked files are unknown');
    const broken = documents.flatMap((path) => {
      const links = [...(readText(path) ?? '').matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map((match) => match[1] ?? '');
      return links
        .filter((link) => !/^[a-z]+:/.test(link) && !exists(posix.join(posix.dirname(path), link)))
        .map((link) => `${path} links to ${link}`);
    });
    expect(broken).toEqual([]);
  });

  it('tell what each room of src/ is for', () => {
    const [, list = ''] = /## Rooms\n\n```\n([\s\S]*?)```/.exec(readText('ARCHITECTURE.md') ?? '') ?? [];
    const named = [...list.matchAll(/^([a-z]+(?:, [a-z]+)*) +\S/gm)].flatMap(([, names = '']) => names.split(', '));
    expect(folders('src').filter((room) => !named.includes(room))).toEqual([]);
  });

  it('list every decision record in the index', (context) => {
    if (files === null) context.skip('this is no git checkout, so tracked files are unknown');
    const index = readText('docs/decisions/README.md') ?? '';
    const records = documents
      .filter((path) => /^docs\/decisions\/\d{4}-/.test(path))
      .map((path) => posix.basename(path));
    expect(records.filter((name) => !index.includes(`(${name})`))).toEqual([]);
    const numbers = records.map((name) => name.slice(0, 4));
    expect(new Set(numbers).size, 'two records share a number').toBe(numbers.length);
  });
});
