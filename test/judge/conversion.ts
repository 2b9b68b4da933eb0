import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePythonJson } from '../../src/core/json.js';
import { EmbeddedEngine, type NodeClass } from '../../src/embedded/index.js';
import type { NodeDefinitions } from '../../src/graph/index.js';
import { gatherEvidence } from './evidence.js';
import { FrontEnd } from './front-end.js';
import { Judge, outcome, readTemplate } from './judge.js';
import { fetchPackage, PACKAGES, staticFolder, templateFiles } from './packages.js';
import { countBy, type Judged, type JudgeResults, renderJudge } from './results.js';
import { judgeDefinitions } from './stand-ins.js';

export interface JudgePaths {
  readonly cacheFolder: string;
  /** A recorded `/object_info`. */
  readonly definitionsFile: string;
  readonly resultsFile: string;
}

/** After so many files the page is opened anew: it keeps something of every workflow, and slows down. */
const FILES_PER_PAGE = 60;

/**
 * The official template collection, converted here and by the official front end in Chromium, and compared node by node.
 * With names only these files, and nothing is written. Throws NotAvailable.
 */
export async function judgeConversion(names: readonly string[], paths: JudgePaths): Promise<void> {
  const templates = templateFiles(fetchPackage(PACKAGES.templates, paths.cacheFolder)).flatMap(
    ({ name, path }) => readTemplate(name, readFileSync(path, 'utf8')) ?? [],
  );
  const frontEndFolder = staticFolder(fetchPackage(PACKAGES.frontEnd, paths.cacheFolder));
  const recorded = parsePythonJson(readFileSync(paths.definitionsFile, 'utf8')) as NodeDefinitions;
  const made = judgeDefinitions(recorded, gatherEvidence(templates.map(({ workflow }) => workflow)));
  const wanted = templates.filter(({ name }) => names.length === 0 || names.includes(name));

  const judged: Judged[] = [];
  for (let start = 0; start < wanted.length; start += FILES_PER_PAGE) {
    await withFrontEnd(made.definitions, frontEndFolder, async (frontEnd) => {
      const judge = new Judge(made, (text) => frontEnd.convert(text));
      for (const template of wanted.slice(start, start + FILES_PER_PAGE)) {
        const result = await judge.judge(template);
        judged.push(result);
        const lines = result.differences.map((line) => `    ${line}\n`).join('');
        if (names.length > 0 || lines !== '') say(`${template.name}: ${result.verdict} ${result.reasons}\n${lines}`);
      }
    });
    say(`${judged.length} of ${wanted.length} ...\n`);
  }

  const results: JudgeResults = {
    templates: PACKAGES.templates,
    frontEnd: PACKAGES.frontEnd,
    files: wanted.length,
    outcomes: countBy(
      wanted.map(({ workflow }) => outcome(workflow, recorded)),
      (code) => code,
    ),
    judged: judged.map((one) => ({ ...one, differences: one.differences.slice(0, 2) })),
  };
  process.stdout.write(`${renderJudge(results).join('\n')}\n`);
  if (names.length === 0) writeFileSync(paths.resultsFile, `${JSON.stringify(results, null, 1)}\n`);
}

async function withFrontEnd(
  definitions: NodeDefinitions,
  frontEndFolder: string,
  use: (frontEnd: FrontEnd) => Promise<void>,
): Promise<void> {
  const nodes = Object.values(definitions).map((definition): NodeClass => {
    return { definition, execute: () => Promise.reject(new Error('The judge only converts.')) };
  });
  const dataDir = mkdtempSync(join(tmpdir(), 'easel-judge-'));
  const engine = new EmbeddedEngine({ nodes, dataDir });
  try {
    await engine.start();
    const frontEnd = await FrontEnd.open(engine, frontEndFolder);
    await use(frontEnd).finally(() => frontEnd.close());
  } finally {
    await engine.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function say(text: string): void {
  process.stderr.write(text);
}
