import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addBackendsCommands } from './backends-commands.js';
import type { GlobalOptions } from './configuration.js';
import { asFailure, failureJson, failureLines } from './failure.js';
import type { CliIo } from './io.js';
import { addKeysCommands } from './keys-commands.js';
import { addMediaCommands } from './media-commands.js';
import { addOperationsCommands } from './operations-commands.js';
import { addPointsCommands } from './points-commands.js';
import { addSessionsCommands } from './sessions-commands.js';
import { PLAIN, styleFor } from './terminal/style.js';
import { repeat } from './values.js';
import { addWebhooksCommands } from './webhooks-commands.js';
import { addWorkflowCommands } from './workflow-commands.js';

/**
 * The commands and their options. What a command does is in `commands/`, loaded when it is called: `easel --help` must not
 * wait for an image library.
 */

/** What a command gets besides its own arguments. */
export interface CommandContext {
  readonly io: CliIo;
  readonly globals: GlobalOptions;
  readonly version: string;
}

/** Runs a command of a group (`easel keys …`) with the module that has what its commands do. */
export type RunInGroup<Work> = (
  command: Command,
  work: (context: CommandContext, work: Work) => Promise<number>,
) => Promise<void>;

/** Runs one command line. Returns the exit code; never throws. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  // Read from the raw arguments, because the fault may be in the arguments.
  const asked = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const json = asked.includes('--json');
  const debug = asked.includes('--debug') || isOn(io.environment['EASEL_DEBUG']);
  const colour = !asked.includes('--no-color');
  let exitCode = 0;
  try {
    const program = buildProgram(io, { colour, debug }, (code) => {
      exitCode = code;
    });
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    // Help was shown in place of a command that was not named.
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') return 2;
    const failure = asFailure(thrown);
    if (json) io.stdout.write(failureJson(failure));
    else io.stderr.write(failureLines(failure, { style: styleFor(io.stderr, io.environment, colour), debug }));
    return failure.exitCode;
  }
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

function buildProgram(
  io: CliIo,
  { colour, debug }: { readonly colour: boolean; readonly debug: boolean },
  setExitCode: (exitCode: number) => void,
): Command {
  const version = readVersion();
  const style = styleFor(io.stdout, io.environment, colour);
  const program = new Command('easel')
    .description('Runs ComfyUI workflows: on a built-in engine, or on your own ComfyUI.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help of a command')
    .option('--config <file>', 'use this configuration file instead of easel.config.* in the working folder')
    .option('--debug', 'show stack traces and the log (also EASEL_DEBUG=1)')
    .option('--no-color', 'no colours (also NO_COLOR=1)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      // Errors are told once, by `runCli`.
      outputError: () => {},
      getOutHelpWidth: () => Math.min(io.stdout.columns ?? 100, 110),
      getErrHelpWidth: () => Math.min(io.stderr.columns ?? 100, 110),
      getOutHasColors: () => style !== PLAIN,
      getErrHasColors: () => style !== PLAIN,
    })
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => style.bold(title) })
    .showSuggestionAfterError();

  type Runner<Options> = (context: CommandContext, options: Options, file: string) => Promise<number>;
  /** Defers loading the command until it is called. */
  const action =
    <Options>(load: () => Promise<Runner<Options>>, hasFile: boolean) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      const globals = { ...command.optsWithGlobals<GlobalOptions>(), debug };
      const run = await load();
      setExitCode(
        await run({ io, globals, version }, command.opts<Options & object>(), hasFile ? String(given[0]) : ''),
      );
    };
  const onFile = <Options>(load: () => Promise<Runner<Options>>) => action(load, true);
  const alone = <Options>(load: () => Promise<Runner<Options>>) => action(load, false);

  /** As `action`, for a group whose commands are in one module. */
  const group =
    <Work>(load: () => Promise<Work>): RunInGroup<Work> =>
    async (command, work) => {
      const globals = { ...command.optsWithGlobals<GlobalOptions>(), debug };
      setExitCode(await work({ io, globals, version }, await load()));
    };

  const backendOptions = (command: Command): Command =>
    command
      .option('--backend <url>', 'a ComfyUI server, or the id of a configured backend (default: the built-in engine)')
      .option('--header <name: value>', 'send this header to the backend (repeatable)', repeat);

  backendOptions(
    program
      .command('run')
      .summary('run a workflow and save what it makes')
      .description(
        'Runs a workflow and saves what it makes. FILE is a workflow in UI or API format, a PNG or WebP picture with one inside, or - for standard input.',
      )
      .argument('<file>', 'workflow, picture, or -'),
  )
    .option('-p, --prompt <text>', 'the prompt')
    .option('-n, --negative <text>', 'the negative prompt')
    .option('-s, --set <node.input=value>', 'set an input; `easel inspect` lists them (repeatable)', repeat)
    .option('--seed <number>', 'a seed from 0 to 2^64-1, or "random"')
    .option('-i, --image <name=path>', 'file for an input; the name is a node id, title or input (repeatable)', repeat)
    .option('-o, --out <path>', 'a file, a folder or a pattern such as "{name}-{seed}.{ext}", or - for standard output')
    .option('--force', 'replace files that exist')
    .option('--timeout <duration>', 'give up and stop the run after this long: 90s, 10m, 1h')
    .option('--no-preview', 'no preview pictures in the terminal')
    .option('-q, --quiet', 'show no progress')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples('run'))
    .action(onFile(async () => (await import('./commands/run.js')).runCommand));

  backendOptions(
    program
      .command('inspect')
      .summary('show what a workflow needs, takes and makes')
      .description('Shows the nodes, models, inputs and outputs of a workflow, and what a backend lacks for it.')
      .argument('<file>', 'workflow, picture, or -'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', examples('inspect'))
    .action(onFile(async () => (await import('./commands/inspect.js')).inspectCommand));

  backendOptions(
    program
      .command('convert')
      .summary('print a workflow as an API-format graph')
      .description('Converts a workflow to API format and prints it as JSON, every integer to its last digit.')
      .argument('<file>', 'workflow, picture, or -'),
  )
    .option('--object-info <file>', 'node definitions, as /object_info of a ComfyUI answers them')
    .option('-o, --out <path>', 'write to a file instead')
    .addHelpText('after', examples('convert'))
    .action(onFile(async () => (await import('./commands/convert.js')).convertCommand));

  program
    .command('serve')
    .summary('serve the HTTP API')
    .description('Serves the HTTP API and works on what is submitted, until it is told to stop.')
    .option('--port <number>', 'port to listen on; 0 takes any free one')
    .option('--host <address>', 'address to listen on')
    .option('--insecure-public-bind', 'listen beyond this machine although nobody is asked for a key')
    .option('--json', 'write the log as JSON')
    .addHelpText('after', examples('serve'))
    .action(alone(async () => (await import('./commands/serve.js')).serveCommand));

  program
    .command('engine')
    .summary('run the built-in engine alone, as a ComfyUI-compatible server')
    .description('Runs the built-in engine as a server that speaks as ComfyUI does. Its first line is its URL.')
    .option('--port <number>', 'port to listen on; 0 takes any free one', '8188')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--data <folder>', 'folder for its files (default: one that is removed at the end)')
    .option('--models <file>', 'JSON of the models that it offers, by folder (default: any name)')
    .option('--step-ms <ms>', 'time of one sampler step')
    .option('--release <version>', 'the ComfyUI release that it behaves like')
    .option('--control', 'add /easel/faults, by which tests make it fail')
    .addHelpText('after', examples('engine'))
    .action(alone(async () => (await import('./commands/engine.js')).engineCommand));

  program
    .command('why')
    .summary('say why a generation waits')
    .description('Says why a generation waits: what is due before it, and why no backend takes it now.')
    .argument('<id>', 'the generation')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('why'))
    .action(onFile(async () => (await import('./commands/why.js')).whyCommand));

  program
    .command('config')
    .summary('show the effective settings')
    .description('Shows every setting, its value and where it came from. Secrets are hidden.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('config'))
    .action(alone(async () => (await import('./commands/config.js')).configCommand));

  backendOptions(
    program
      .command('doctor')
      .summary('check this installation and its backends')
      .description('Checks Node, native modules, data folder, database, clock, disk and backends.'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', examples('doctor'))
    .action(alone(async () => (await import('./commands/doctor.js')).doctorCommand));

  addBackendsCommands(
    program,
    group(() => import('./commands/backends.js')),
  );

  addMediaCommands(
    program,
    group(() => import('./commands/media.js')),
  );

  addPointsCommands(
    program,
    group(() => import('./commands/points.js')),
  );

  addWorkflowCommands(
    program,
    group(() => import('./commands/workflows.js')),
  );

  program
    .command('types')
    .summary('write TypeScript types of the registered workflows')
    .description('Writes the registered workflows as TypeScript, for EaselClient of easel/client.')
    .option('-o, --out <file>', 'write to a file instead of standard output')
    .addHelpText('after', examples('types'))
    .action(alone(async () => (await import('./commands/types.js')).typesCommand));

  program
    .command('mcp')
    .summary('offer the workflows to an assistant, by the Model Context Protocol')
    .description(
      'Speaks the Model Context Protocol on standard input and output: each workflow of a serving Easel is a tool. The key is read from EASEL_KEY.',
    )
    .option('--url <url>', 'the Easel that runs them (default: the one that `easel serve` would be here)')
    .addHelpText('after', examples('mcp'))
    .action(alone(async () => (await import('./commands/mcp.js')).mcpCommand));

  addWebhooksCommands(
    program,
    group(() => import('./commands/webhooks.js')),
  );

  addSessionsCommands(
    program,
    group(() => import('./commands/sessions.js')),
  );

  addKeysCommands(
    program,
    group(() => import('./commands/keys.js')),
  );

  addOperationsCommands(
    program,
    group(() => import('./commands/backup.js')),
  );

  return program;
}

function readVersion(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}

const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  run: [
    'easel run workflow.json --prompt "a lighthouse in fog" --seed 7 --out picture.png',
    'easel run workflow.json --set 3.steps=30 --image "Load Image=photo.png"',
    'easel run picture.png --backend http://127.0.0.1:8188 --json',
  ],
  inspect: ['easel inspect workflow.json', 'easel inspect picture.png --backend http://127.0.0.1:8188'],
  convert: ['easel convert workflow.json > graph.json', 'easel convert workflow.json --object-info object_info.json'],
  serve: ['easel serve --port 8288'],
  engine: ['easel engine --port 8188', 'easel engine --port 0 --models models.json --step-ms 5'],
  why: ['easel why 0199c7a2-3d4e-7f00-8a1b-2c3d4e5f6071'],
  config: ['easel config', 'easel config --json'],
  mcp: ['easel mcp --url http://127.0.0.1:8288'],
  types: ['easel types --out easel-workflows.ts'],
  doctor: ['easel doctor', 'easel doctor --backend http://127.0.0.1:8188'],
};

function examples(command: string): string {
  return `\nExamples:\n${(EXAMPLES[command] ?? []).map((line) => `  ${line}`).join('\n')}\n`;
}
