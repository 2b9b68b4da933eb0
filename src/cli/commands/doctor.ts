import { readFile } from 'node:fs/promises';
import { versions } from 'node:process';
import type { Backend } from '../../backends/index.js';
import type { Config } from '../../config/index.js';
import { toEaselError } from '../../core/errors.js';
import { stringifyLossless } from '../../core/json.js';
import { type BackendChoice, chooseBackend, loadCliConfig } from '../configuration.js';
import { type CheckResult, fail, ok } from '../doctor/check.js';
import { checkClock, checkDataFolder, checkDisk, checkNativeModules, checkNode } from '../doctor/machine.js';
import type { CommandContext } from '../program.js';
import { printable, type Style, styleFor } from '../terminal/style.js';
import { Workspace } from '../workspace.js';

export interface DoctorOptions extends BackendChoice {
  readonly json?: boolean;
}

/** `easel doctor`: looks at everything, says what is wrong and what to do, and leaves nothing behind. */
export async function doctorCommand(context: CommandContext, options: DoctorOptions): Promise<number> {
  const { io, globals } = context;
  const style = styleFor(io.stdout, io.environment, globals.color);
  const results: CheckResult[] = [];
  for await (const result of checks(context, options)) {
    results.push(result);
    if (options.json !== true) io.stdout.write(`${describe(result, style)}\n`);
  }
  const failed = results.filter(({ status }) => status === 'fail').length;
  if (options.json === true) io.stdout.write(`${stringifyLossless({ ok: failed === 0, checks: results }, 2)}\n`);
  return failed === 0 ? 0 : 1;
}

async function* checks(context: CommandContext, options: DoctorOptions): AsyncGenerator<CheckResult, void, undefined> {
  const { io } = context;
  yield checkNode(versions.node, await wantedNode());
  const native = await checkNativeModules({
    sharp: async () => {
      const { default: sharp } = await import('sharp');
      await sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
        .png()
        .toBuffer();
    },
    libsql: () => import('../../db/index.js'),
  });
  yield native;
  let config: Config;
  try {
    const loaded = await loadCliConfig(io, context.globals);
    ({ config } = loaded);
    yield ok('configuration', loaded.file ?? 'no file; defaults and environment');
  } catch (thrown) {
    const error = toEaselError(thrown);
    yield fail('configuration', error.message, error.hint);
    return;
  }
  yield await checkDataFolder(config.dataDir);
  yield await checkDisk(config.dataDir);
  yield await checkClock(config.dataDir, io.clock);
  // The rest needs the libraries that do not load.
  if (native.status === 'fail') return;
  const { checkDatabase, checkBackend } = await import('../doctor/services.js');
  yield await checkDatabase(config);
  const backends =
    options.backend === undefined ? config.backends : [chooseBackend(options, config.backends, io.environment)];
  const workspace = await Workspace.create();
  try {
    for (const backend of backends) {
      yield await onBackend({ ...config, dataDir: workspace.path }, backend, checkBackend);
    }
  } finally {
    await workspace.remove();
  }
}

async function onBackend(
  config: Config,
  choice: Config['backends'][number],
  check: (backend: Backend) => Promise<CheckResult>,
): Promise<CheckResult> {
  const { withBackend } = await import('../backend.js');
  try {
    return await withBackend({ ...config, backends: [choice] }, check);
  } catch (thrown) {
    const error = toEaselError(thrown);
    return fail(`backend ${choice.id}`, error.message, error.hint);
  }
}

async function wantedNode(): Promise<string> {
  const file = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { engines: { node: string } }).engines.node;
}

function describe({ name, status, message, hint }: CheckResult, style: Style): string {
  const word = { ok: style.green('ok  '), warn: style.yellow('warn'), fail: style.red('fail') }[status];
  const way = hint === undefined ? '' : `\n      ${style.dim(printable(hint))}`;
  return `${word}  ${name.padEnd(18)} ${printable(message)}${way}`;
}
