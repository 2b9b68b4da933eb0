import { afterEach, expect, test } from 'vitest';
import type { ERROR_CATALOGUE } from '../../src/core/errors.js';
import type { Generation } from '../../src/generations/index.js';
import { RETRY_RULES, retryRule } from '../../src/generations/retry-policy.js';
import { makeKit } from '../helpers/databases.js';
import { expectGenerated } from '../helpers/generated.js';
import { readText } from '../helpers/sources.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import { LIMITS, Stage } from './stage.js';

/**
 * docs/reliability.md: what comes of every fault, as it came out here. A real engine on the wire, a proxy that breaks
 * requests, SQLite. The document is compared, so a fault that begins to end otherwise fails the test.
 */
interface Row {
  readonly scenario: Scenario;
  readonly ended: Generation;
  readonly tookMs: number;
}

const { createDatabase } = makeKit('sqlite');
const rows = new Map<string, Row>();
const nameOf = ({ phase, fault }: Scenario) => `${phase}: ${fault}`;
let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

test.each(SCENARIOS.map((scenario) => [nameOf(scenario), scenario] as const))('%s', async (name, scenario) => {
  const { faults, rules, clock, probe } = scenario;
  stage = await Stage.open({
    database: await createDatabase(),
    ...(faults === undefined ? {} : { faults }),
    limits: limitsOf(scenario),
    ...(clock === undefined ? {} : { clock }),
    ...(probe === undefined ? {} : { probe }),
  });
  const front = stage.front;
  front.rules.push(...(rules ?? []).map((rule) => ({ ...rule })));
  await stage.node();
  const startedAt = Date.now();
  const id = await (scenario.act ?? ((on: Stage) => on.submit()))(stage);
  const ended = await stage.wait(id);
  const tookMs = Date.now() - startedAt;
  rows.set(name, { scenario, ended, tookMs });
  // Whatever happened: it ended once, and nothing of a failure is left behind.
  const events = await stage.db.kysely.selectFrom('events').select('type').where('generation_id', '=', id).execute();
  expect(events.filter(({ type }) => type === ended.status)).toHaveLength(1);
  if (ended.status !== 'succeeded') expect(ended.outputs).toEqual([]);
  const open = await stage.db.kysely.selectFrom('attempts').select('id').where('finished_at', 'is', null).execute();
  expect(open).toEqual([]);
  const limit = limitOf(scenario);
  if (limit !== null) expect(tookMs).toBeGreaterThanOrEqual(limit.ms - 50);
});

function limitsOf({ endsAt, limits }: Scenario): typeof LIMITS {
  return {
    ...LIMITS,
    ...(endsAt === 'queue' ? { queueMs: 2_000 } : {}),
    ...(endsAt === 'silence' ? { silenceMs: 600 } : {}),
    ...(endsAt === 'collect' ? { collectMs: 600 } : {}),
    ...limits,
  };
}

function limitOf(scenario: Scenario): { readonly ms: number; readonly words: string } | null {
  const all = limitsOf(scenario);
  switch (scenario.endsAt) {
    case 'queue':
      return { ms: all.queueMs, words: 'at the queue limit' };
    case 'silence':
      return { ms: all.silenceMs, words: 'at the silence limit' };
    case 'collect':
      return { ms: 2 * all.collectMs, words: 'at the collect limit of each try' };
    case 'retry-after':
      return { ms: 1_000, words: 'when the server asked' };
    default:
      return null;
  }
}

test('docs/reliability.md shows the matrix and the table of retries', (context) => {
  if (rows.size < SCENARIOS.length) context.skip('only a part of the matrix was run');
  const text = readText('docs/reliability.md') ?? '';
  expectGenerated('docs/reliability.md', replace(replace(text, 'faults', matrix()), 'retries', retryTable()));
});

function replace(text: string, name: string, table: string): string {
  const begin = `<!-- begin: ${name}, generated -->`;
  const end = `<!-- end: ${name} -->`;
  const [head = '', rest = ''] = text.split(begin);
  const [, tail] = rest.split(end);
  if (tail === undefined) throw new Error(`docs/reliability.md has no place for ${name}.`);
  return `${head}${begin}\n${table}\n${end}${tail}`;
}

function matrix(): string {
  const lines = SCENARIOS.map((scenario) => {
    const row = rows.get(nameOf(scenario));
    if (row === undefined) return '';
    const { ended, tookMs } = row;
    const last = ended.error?.details?.['lastError'] as { readonly code: string } | undefined;
    const states = Object.values((ended.error?.details?.['backends'] as Record<string, string> | undefined) ?? {});
    const because = last === undefined ? states.map((state) => `backend ${state}`) : [`last \`${last.code}\``];
    const code = ended.error === null ? '' : [`\`${ended.error.code}\``, ...because].join(', ');
    const time = limitOf(scenario)?.words ?? (tookMs < 20_000 ? 'within 20 s' : `in ${tookMs} ms`);
    return `| ${scenario.phase} | ${scenario.fault} | ${ended.status} | ${code} | ${ended.attemptCount} | ${time} |`;
  });
  return ['| phase | fault | outcome | error code | tries | time |', '|---|---|---|---|---|---|', ...lines].join('\n');
}

function retryTable(): string {
  const words = { elsewhere: 'on another backend', again: 'anywhere', never: 'no' };
  const lines = Object.keys(RETRY_RULES).map((code) => {
    const known = code as keyof typeof ERROR_CATALOGUE;
    const rule = retryRule({ code: known, retryable: false });
    const notes = [
      ...(rule.maxTries === undefined ? [] : [`at most ${rule.maxTries} tries`]),
      ...(rule.onLarger ? ['with more memory, where one is known'] : []),
      ...(rule.pastCache ? ['not from the same cache'] : []),
      ...(rule.kills ? ['counts towards the poison limit'] : []),
    ];
    return `| \`${code}\` | ${words[rule.retry]} | ${notes.join('; ')} |`;
  });
  return ['| error code | tried again | with |', '|---|---|---|', ...lines].join('\n');
}
