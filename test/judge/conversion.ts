import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePythonJson } from '../../src/core/json.js';
import { EmbeddedEngine, type NodeClass } from '../../src/embedded/index.js';
import type { NodeDefinitions } from '../../src/graph/index.js';
import { gatherEvidence } from './evidence.js';
import { FrontEnd } from './front-end.js';
import { Judge, outcome, readTemplate } from './judge.js';
import { fetchPackage, NotAvailable, PACKAGES, staticFolder, templateFiles } from './packages.js';
import { countBy, type Judged, type JudgeResults, renderJudge, sumUp } from './results.js';
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
  const unknown = names.filter((name) => !templates.some((template) => template.name === name));
  if (unknown.length > 0) throw new NotAvailable(`The collection has no template ${unknown.join(', ')}.`);
  const frontEndFolder = staticFolder(fetchPackage(PACKAGES.frontEnd, paths.cacheFolder));
  const recorded = parsePythonJson(readFileSync(paths.definitionsFile, 'utf8')) as NodeDefinitions;
  const made = judgeDefinitions(recorded, gatherEvidence(templates.map(({ workflow }) => workflow)));
  const wanted = templates.filter(({ name }) => names.length === 0 || names.includes(name));

  const pages = new Pages(made.definitions, frontEndFolder);
  const judge = new Judge(made, (text) => pages.convert(text));
  const judged: Judged[] = [];
  try {
    for (const template of wanted) {
      const result = await judge.judge(template);
      judged.push(result);
      const lines = result.differences.map((line) => `    ${line}\n`).join('');
      if (names.length > 0 || lines !== '') say(`${template.name}: ${result.verdict} ${result.reasons}\n${lines}`);
      if (judged.length % 50 === 0) say(`${judged.length} of ${wanted.length} ...\n`);
    }
  } finally {
    await pages.close();
  }

  const results: JudgeResults = {
    templates: PACKAGES.templates,
    frontEnd: PACKAGES.frontEnd,
    outcomes: countBy(wanted, ({ workflow }) => outcome(workflow, recorded)),
    ...sumUp(judged),
  };
  process.stdout.write(`${renderJudge(results).join('\n')}\n`);
  if (names.length === 0) writeFileSync(paths.resultsFile, `${JSON.stringify(results, null, 2)}\n`);
}

/** The front end with its engine, opened anew every so often and after each failure, which is then tried once more. */
class Pages {
  readonly #definitions: NodeDefinitions;
  readonly #frontEndFolder: string;
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'easel-judge-'));
  #engine: EmbeddedEngine | null = null;
  #frontEnd: FrontEnd | null = null;
  #count = 0;

  constructor(definitions: NodeDefinitions, frontEndFolder: string) {
    this.#definitions = definitions;
    this.#frontEndFolder = frontEndFolder;
  }

  async convert(text: string): Promise<string> {
    if (this.#count++ % FILES_PER_PAGE === 0) await this.#reopen();
    try {
      return await this.#frontEnd!.convert(text);
    } catch {
      await this.#reopen();
      return this.#frontEnd!.convert(text);
    }
  }

  async close(): Promise<void> {
    await this.#frontEnd?.close();
    await this.#engine?.close();
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  async #reopen(): Promise<void> {
    await this.#frontEnd?.close();
    this.#frontEnd = null;
    this.#engine ??= await this.#startEngine();
    this.#frontEnd = await FrontEnd.open(this.#engine, this.#frontEndFolder);
  }

  async #startEngine(): Promise<EmbeddedEngine> {
    const nodes = Object.values(this.#definitions).map((definition): NodeClass => {
      return { definition, execute: () => Promise.reject(new Error('The judge only converts.')) };
    });
    const engine = new EmbeddedEngine({ nodes, dataDir: this.#dataDir });
    await engine.start();
    return engine;
  }
}

function say(text: string): void {
  process.stderr.write(text);
}
