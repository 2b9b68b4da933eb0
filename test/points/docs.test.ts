import { expect, test } from 'vitest';
import { OTHER_CASES, OUTCOMES } from '../../src/points/outcomes.js';
import { expectGenerated } from '../helpers/generated.js';
import { readText } from '../helpers/sources.js';

const BEGIN = '<!-- begin: generated from src/points/outcomes.ts -->';
const END = '<!-- end -->';

function outcomeTable(): string {
  const rows = [
    ...Object.values(OUTCOMES).map(({ when, charge, hold }) => [when, charge, hold]),
    ...OTHER_CASES.map((row) => [...row]),
  ];
  const lines = rows.map((row) => `| ${row.join(' | ')} |`);
  return ['| what happens | what it costs | the hold |', '|---|---|---|', ...lines].join('\n');
}

/** `EASEL_UPDATE_DOCS=1 npx vitest run test/points/docs.test.ts` writes the table anew. */
test('docs/points.md shows the table that the code follows', () => {
  const text = readText('docs/points.md') ?? '';
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  expect(begin).toBeGreaterThan(0);
  expect(end).toBeGreaterThan(begin);
  expectGenerated('docs/points.md', `${text.slice(0, begin + BEGIN.length)}\n${outcomeTable()}\n${text.slice(end)}`);
});
