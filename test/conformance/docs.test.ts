import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BEYOND_THE_RECORDINGS, DELIBERATE_DIFFERENCES } from './engine-differences.js';
import { loadRecordings, RECORDED_VERSIONS } from './engine-recording.js';

/**
 * `docs/conformance.md` is made from what the tests of both sides found. `EASEL_UPDATE_DOCS=1` writes it anew; without it the
 * test fails when the file is not what it should be. It has nothing to say until both sides have been run.
 */
interface Result {
  readonly version: string;
  readonly scenario: string;
  readonly side: 'client' | 'engine';
  readonly agrees: boolean;
  readonly note: string;
}

const root = new URL('../../', import.meta.url);
const page = new URL('docs/conformance.md', root);

it('docs/conformance.md says what the tests found', () => {
  const recordings = RECORDED_VERSIONS.flatMap(loadRecordings);
  const results = (['client', 'engine'] as const).flatMap(readResults);
  const missing = recordings.flatMap(({ version, scenario }) =>
    (['client', 'engine'] as const)
      .filter((side) => !find(results, side, version, scenario))
      .map((side) => `${side} ${version} ${scenario}`),
  );
  if (recordings.length === 0 || missing.length > 0) {
    process.stderr.write(`skipped: docs/conformance.md was not compared, ${missing.length} results are missing\n`);
    return;
  }
  const text = render(results, recordings);
  if (process.env['EASEL_UPDATE_DOCS'] === '1') writeFileSync(page, text);
  expect(readFileSync(page, 'utf8')).toBe(text);
});

/** None when the tests of that side have not been run, or are being run. */
function readResults(side: string): Result[] {
  try {
    return JSON.parse(readFileSync(new URL(`test-results/conformance-${side}.json`, root), 'utf8')) as Result[];
  } catch {
    return [];
  }
}

function find(results: readonly Result[], side: string, version: string, scenario: string): Result | undefined {
  return results.find((result) => result.side === side && result.version === version && result.scenario === scenario);
}

function render(results: readonly Result[], recordings: readonly { version: string; scenario: string }[]): string {
  const scenarios = [...new Set(recordings.map(({ scenario }) => scenario))].sort();
  const numberOf = new Map(DELIBERATE_DIFFERENCES.map(({ title }, index) => [title, index + 1]));
  const cell = (side: string, version: string, scenario: string) => {
    const result = find(results, side, version, scenario);
    if (!result) return '';
    const titles = side === 'engine' ? result.note.split('; ') : [];
    const marks = titles.flatMap((title) => numberOf.get(title) ?? []).sort((a, b) => a - b);
    const word = result.agrees ? 'agrees' : `differs: ${result.note}`;
    return marks.length > 0 ? `${word} (${marks.join(', ')})` : word;
  };
  const rows = scenarios.map((scenario) => {
    const cells = RECORDED_VERSIONS.flatMap((version) => [
      cell('client', version, scenario),
      cell('engine', version, scenario),
    ]);
    return `| ${scenario} | ${cells.join(' | ')} |`;
  });
  const differences = DELIBERATE_DIFFERENCES.map(({ title, reason }, index) => `${index + 1}. **${title}.** ${reason}`);
  const beyond = BEYOND_THE_RECORDINGS.map(({ title, reason }) => `- **${title}.** ${reason}`);
  return `# Conformance with recorded ComfyUI servers

This page is written by \`test/conformance/docs.test.ts\`; do not edit it.

Sessions with two real servers were recorded: what was sent, what was answered, and every websocket frame.

- **Client**: Easel's client is fed the recorded answers and must come to the right outcome.
- **Engine**: the embedded engine is sent the recorded requests and must answer with the same status codes, error types,
  bodies and order of messages. Ids, times, the text of tracebacks, the order of sets and repeated progress reports are
  evened out first.

A number in parentheses is a difference on purpose, explained below the table.

| Scenario | Client, 0.3.64 | Engine, 0.3.64 | Client, 0.8.0 | Engine, 0.8.0 |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

An empty cell: the scenario was not recorded on that release.

## Where the engine differs on purpose

${differences.join('\n')}

Not shown by any recording:

${beyond.join('\n')}
`;
}
