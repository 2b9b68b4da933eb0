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

export interface JudgeResults {
  readonly templates: { readonly name: string; readonly version: string };
  readonly frontEnd: { readonly name: string; readonly version: string };
  /** Workflows of the collection; each outcome with their number: `converted`, or the code of the refusal. */
  readonly files: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly judged: readonly Judged[];
}

export const EXCEPTIONS: Readonly<Record<string, string>> = {
  viewer:
    'The window adds a viewer to the node and puts its state into the graph, under a name that the node does not declare.',
  ids: 'The window gave nodes inside of a subgraph new numbers, since others had the same; but for the ids the graphs are equal.',
  nested:
    'An instance inside of a subgraph is muted or bypassed. The window runs what is inside all the same; Easel leaves it out and says so in a warning.',
};

export const NOT_JUDGED: Readonly<Record<string, string>> = {
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
  const text = line.length > 160 ? `${line.slice(0, 160)} ...` : line;
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** Lines of Markdown. */
export function renderJudge(results: JudgeResults): string[] {
  const { frontEnd, judged, templates } = results;
  const compared = judged.filter(({ verdict }) => verdict !== 'not-judged');
  const agreeing = compared.filter(({ verdict }) => verdict !== 'differs');
  const outcomes = Object.entries(results.outcomes).map(([outcome, n]) => `| ${outcome} | ${n} |`);
  const rows = (['recorded', 'stand-in'] as const).map((kind) => {
    const counts = countBy(
      judged.filter(({ definitions }) => definitions === kind),
      ({ verdict }) => verdict,
    );
    const n = (verdict: Verdict) => counts[verdict] ?? 0;
    return `| ${kind} | ${n('equal') + n('equal-but') + n('differs')} | ${n('equal')} | ${n('equal-but')} | ${n('differs')} | ${n('not-judged')} |`;
  });
  const reasons = (verdict: Verdict, texts: Readonly<Record<string, string>>) =>
    Object.entries(
      countBy(
        judged.filter((one) => one.verdict === verdict).flatMap(({ reasons: found }) => found),
        (reason) => reason,
      ),
    ).map(([reason, n]) => `| ${reason} | ${n} | ${texts[reason] ?? ''} |`);
  const differing = judged.filter(({ verdict }) => verdict === 'differs');
  return [
    '## The official templates',
    '',
    `\`npm run judge:conversion\` fetches ${templates.name} ${templates.version} and ${frontEnd.name} ${frontEnd.version} from PyPI and writes`,
    '`test/judge/results.json`, of which this is the summary. It needs Python with pip, Chromium, and the recorded node definitions.',
    '',
    `With the definitions of ComfyUI 0.8.0, which is older than much of the collection, the ${results.files} workflows come out so; none throws:`,
    '',
    '| outcome | files |',
    '|---|---|',
    ...outcomes,
    '',
    `The same workflows in the official front end, in headless Chromium on the embedded engine, and in Easel: **${agreeing.length} of ${compared.length} agree**`,
    `as sets of nodes with class and inputs. Where a file uses node classes that are younger than the definitions, both sides get the same`,
    'stand-ins for them, made from what the files show: that says nothing of the real node, but all of how the file is read.',
    '',
    '| definitions | compared | equal | equal but for | differ | not judged |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    '| equal but for | files | why |',
    '|---|---|---|',
    ...reasons('equal-but', EXCEPTIONS),
    '',
    '| not judged | files | why |',
    '|---|---|---|',
    ...reasons('not-judged', NOT_JUDGED),
    '',
    ...(differing.length === 0
      ? []
      : [
          '| differs | first difference |',
          '|---|---|',
          ...differing.map(({ name, differences }) => `| ${name} | ${shortened(differences[0] ?? '')} |`),
          '',
        ]),
  ];
}
