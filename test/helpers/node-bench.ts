import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonValue } from '../../src/core/json.js';
import type {
  EngineFolders,
  EnginePreview,
  NodeClass,
  NodeContext,
  NodeResult,
  RehearsalOptions,
} from '../../src/embedded/node.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';

/** Fakes for tests of node classes: no engine, no waiting. */
export function rehearsalOptions(changes: Partial<RehearsalOptions> = {}): RehearsalOptions {
  return { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any', standInImages: false, ...changes };
}

export interface Bench {
  readonly folders: EngineFolders;
  readonly rehearsal: RehearsalOptions;
  /** What nodes reported: progress, texts. */
  readonly reports: { value: number; max: number; preview: EnginePreview | undefined }[];
  readonly texts: string[];
  readonly delays: number[];
  readonly context: NodeContext;
  node(name: string): NodeClass;
  run(name: string, inputs: Readonly<Record<string, unknown>>): Promise<NodeResult>;
  /** The first output. */
  output(name: string, inputs: Readonly<Record<string, unknown>>): Promise<unknown>;
  close(): Promise<void>;
}

/** A library with temporary folders. Close it when the test is done. */
export async function openBench(
  changes: Partial<RehearsalOptions> = {},
  extra: { readonly prompt?: unknown; readonly extraPngInfo?: Readonly<Record<string, JsonValue>> } = {},
): Promise<Bench> {
  const root = await mkdtemp(join(tmpdir(), 'easel-nodes-'));
  const folders = { input: join(root, 'input'), output: join(root, 'output'), temp: join(root, 'temp') };
  await Promise.all(Object.values(folders).map((folder) => mkdir(folder)));
  const rehearsal = rehearsalOptions(changes);
  const nodes = new Map(
    createCoreNodes({ rehearsal, now: () => new Date(2026, 0, 2, 3, 4, 5), temporaryToken: () => 'abcde' }).map(
      (node) => [node.definition.name, node],
    ),
  );
  const reports: Bench['reports'] = [];
  const texts: string[] = [];
  const delays: number[] = [];
  const context: NodeContext = {
    nodeId: '1',
    promptId: 'p',
    folders,
    rehearsal,
    prompt: (extra.prompt ?? {}) as NodeContext['prompt'],
    extraPngInfo: extra.extraPngInfo ?? {},
    signal: new AbortController().signal,
    delay: async (ms) => {
      delays.push(ms);
    },
    progress: (value, max, preview) => {
      reports.push({ value, max, preview });
    },
    sendImage: () => {},
    sendText: (text) => {
      texts.push(text);
    },
  };
  const node = (name: string): NodeClass => {
    const found = nodes.get(name);
    if (!found) throw new RangeError(`No node class ${name}`);
    return found;
  };
  const run = async (name: string, inputs: Readonly<Record<string, unknown>>) => node(name).execute(inputs, context);
  return {
    folders,
    rehearsal,
    reports,
    texts,
    delays,
    context,
    node,
    run,
    output: async (name, inputs) => (await run(name, inputs)).outputs[0],
    close: () => rm(root, { recursive: true, force: true }),
  };
}
