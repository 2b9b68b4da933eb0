import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { sharedPath } from '../helpers/shared.js';
import { ReplayPlayer, type ReplayReport } from './replay/player.js';
import { loadRecordings } from './replay/recording.js';

/**
 * The client against recordings of real servers: fed the recorded answers, it ends in the right outcome for every prompt.
 * The result of each scenario goes to `test-results/conformance-client.json`, from which `docs/conformance.md` is made.
 */
interface ScenarioResult {
  readonly version: string;
  readonly scenario: string;
  readonly side: 'client';
  readonly agrees: boolean;
  readonly note: string;
}

const folder = sharedPath('data/comfyui-recordings');
const results: ScenarioResult[] = [];

describe.skipIf(folder === null)('client against recordings', () => {
  for (const recording of folder === null ? [] : loadRecordings(folder)) {
    const { version, scenario } = recording;
    it(`${version} ${scenario}`, async () => {
      const report = await new ReplayPlayer(recording).run();
      results.push({ version, scenario, side: 'client', agrees: report.faults.length === 0, note: noteOf(report) });
      expect(report.faults).toEqual([]);
      expect(report.calls).toBeGreaterThan(0);
    });
  }

  afterAll(() => {
    const target = fileURLToPath(new URL('../../test-results/', import.meta.url));
    mkdirSync(target, { recursive: true });
    results.sort((a, b) => `${a.version} ${a.scenario}`.localeCompare(`${b.version} ${b.scenario}`, 'en'));
    writeFileSync(`${target}conformance-client.json`, `${JSON.stringify(results, null, 2)}\n`);
  });
});

function noteOf(report: ReplayReport): string {
  const { calls, prompts, ends, notSent, faults } = report;
  if (faults.length > 0) return `${faults.length} faults: ${faults[0]}`;
  const parts = [`${count(calls, 'call')} made and compared`];
  if (prompts > 0) parts.push(`${count(ends, 'end')} of ${count(prompts, 'accepted prompt')} recorded and compared`);
  if (notSent > 0) parts.push(`${count(notSent, 'recorded request')} of a kind that this client never makes`);
  return parts.join('; ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
