/** What the judge found, as committed in results.json, and as docs/conversion.md tells it. */
export type Verdict = 'equal' | 'equal-but' | 'differs' | 'not-judged';

export interface Judged {
  readonly name: string;
  /** `recorded`: all definitions are those of a real server; `stand-in`: some were made up from the files. */
  readonly definitions: 'recorded' | 'stand-in';
  readonly verdict: Verdict;
  /** Of `equal-but`: the exceptions. Of `not-judged`: why. */
  readonly reasons: readonly string[];
  /** What no exception explains; at most a few. */
  readonly differences: readonly string[];
}

type Definitions = Judged['definitions'];

export interface JudgeResults {
  readonly templates: { readonly name: string; readonly version: string };
  readonly frontEnd: { readonly name: string; readonly version: string };
  /** Workflows of the collection by how ours ends with the recorded definitions: `converted`, or the code of the refusal. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<Definitions, Readonly<Record<string, number>>>>;
  readonly exceptions: Readonly<Record<string, number>>;
  readonly notJudged: Readonly<Record<string, number>>;
  readonly differing: readonly { readonly name: string; readonly difference: string }[];
}

export function sumUp(judged: readonly Judged[]): Omit<JudgeResults, 'templates' | 'frontEnd' | 'outcomes'> {
  const verdicts = (kind: Definitions) =>
    countBy(
      judged.filter(({ definitions }) => definitions === kind),
      ({ verdict }) => verdict,
    );
  const reasons = (wanted: Verdict) =>
    countBy(
      judged.filter(({ verdict }) => verdict === wanted).flatMap((one) => one.reasons),
      (reason) => reason,
    );
  return {
    verdicts: { recorded: verdicts('recorded'), 'stand-in': verdicts('stand-in') },
    exceptions: reasons('equal-but'),
    notJudged: reasons('not-judged'),
    differing: judged
      .filter(({ verdict }) => verdict === 'differs')
      .map(({ name, differences }) => ({ name, difference: shortened(differences[0] ?? '') })),
  };
}

const EXCEPTIONS: Readonly<Record<string, string>> = {
  viewer:
    'The window adds a viewer to the node and puts its state into the graph, under a name that the node does not declare.',
  ids: 'The window gave nodes inside of a subgraph new numbers, since others had the same; but for the ids the graphs are equal.',
  nested:
    'An instance inside of a subgraph is muted or bypassed. The window runs what is inside all the same; Easel leaves it out and says so in a warning.',
};

const NOT_JUDGED: Readonly<Record<string, string>> = {
  older: 'A node of the file has inputs that the recorded definition does not have yet.',
  'no stand-in': 'A node class is too young for the recorded definitions, and the files tell too little of it.',
  capture: 'A node records in the window while it queues, which no file can hold.',
  'front end': 'The front end itself failed on it.',
};

export function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function shortened(line: string): string {
  return (line.length > 160 ? `${line.slice(0, 160)} ...` : line).replaceAll('\n', ' ');
}

/** Lines of Markdown. */
export function renderJudge(results: JudgeResults): string[] {
  const { differing, frontEnd, templates, verdicts } = results;
  const n = (verdict: Verdict, ...kinds: Definitions[]) =>
    kinds.reduce((sum, kind) => sum + (verdicts[kind][verdict] ?? 0), 0);
  const agreeing = (...kinds: Definitions[]) => n('equal', ...kinds) + n('equal-but', ...kinds);
  const compared = (...kinds: Definitions[]) => agreeing(...kinds) + n('differs', ...kinds);
  const files = Object.values(results.outcomes).reduce((sum, count) => sum + count, 0);
  const rows = (['recorded', 'stand-in'] as const).map(
    (kind) =>
      `| ${kind} | ${compared(kind)} | ${n('equal', kind)} | ${n('equal-but', kind)} | ${n('differs', kind)} | ${n('not-judged', kind)} |`,
  );
  const explained = (counts: Readonly<Record<string, number>>, texts: Readonly<Record<string, string>>) =>
    Object.entries(counts).map(([reason, count]) => `| ${reason} | ${count} | ${texts[reason] ?? ''} |`);
  const both = ['recorded', 'stand-in'] as const;
  const thrown = results.outcomes['threw'] ?? 0;
  return [
    '## The official templates',
    '',
    `\`npm run judge:conversion\` fetches ${templates.name} ${templates.version} and ${frontEnd.name} ${frontEnd.version} from PyPI and writes`,
    '`test/judge/results.json`, of which this is the summary. It needs Python with pip, Chromium, and the recorded node definitions.',
    '',
    `With the definitions of ComfyUI 0.8.0, which is older than much of the collection, the ${files} workflows end so; ${thrown === 0 ? 'none throws' : `${thrown} throw`}:`,
    '',
    '| outcome | files |',
    '|---|---|',
    ...Object.entries(results.outcomes).map(([outcome, count]) => `| ${outcome} | ${count} |`),
    '',
    'The same workflows in the official front end, in headless Chromium on the embedded engine, and in Easel:',
    `**${agreeing(...both)} of ${compared(...both)} agree** as sets of nodes with class and inputs. Where a file uses node classes that are younger than the`,
    'definitions, both sides get the same stand-ins for them, made from what the files show: that says nothing of the real node,',
    'but all of how the file is read.',
    '',
    '| definitions | compared | equal | equal but for | differ | not judged |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    '| equal but for | files | why |',
    '|---|---|---|',
    ...explained(results.exceptions, EXCEPTIONS),
    '',
    '| not judged | files | why |',
    '|---|---|---|',
    ...explained(results.notJudged, NOT_JUDGED),
    '',
    ...(differing.length === 0 ? [] : ['| differs | first difference |', '|---|---|']),
    ...differing.map(({ name, difference }) => `| ${name} | ${difference.replaceAll('|', '\\|')} |`),
    ...(differing.length === 0 ? [] : ['']),
  ];
}
