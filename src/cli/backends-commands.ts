import type { Command } from 'commander';
import type { RunInGroup } from './program.js';

/** The options of `easel backends …`. What they do is in `commands/backends.ts`, loaded when it is called. */
type Work = typeof import('./commands/backends.js');

export function addBackendsCommands(program: Command, run: RunInGroup<Work>): void {
  const backends = program
    .command('backends')
    .summary('list the backends of the fleet; add, drain and remove some')
    .description(
      'Works on the backends in the configured database, which all nodes share. Running nodes follow within a second.',
    );
  const json = (command: Command): Command => command.option('--json', 'print JSON');

  json(backends.command('list').description('Lists all backends, their states and who owns them.')).action(
    (_options, command: Command) => run(command, (context, work) => work.list(context, command.opts())),
  );

  json(backends.command('show').argument('<id>').description('Shows all that is known of one.')).action(
    (id: string, _options, command: Command) => run(command, (context, work) => work.show(context, id, command.opts())),
  );

  json(
    backends
      .command('add')
      .argument('[url]', 'address of a ComfyUI server, with a base path when a proxy adds one')
      .description(
        'Adds a backend for all nodes. Its settings are stored in the database as they are given, credentials included. A bearer token is taken from EASEL_BACKEND_TOKEN.',
      ),
  )
    .option('--id <id>', 'name of the backend (default: made of host and port)')
    .option('--concurrency <number>', 'prompts of ours that it may have at a time')
    .option('--settings <file>', 'JSON as an item of `backends` in the configuration, or - for standard input')
    .action((url: string | undefined, _options, command: Command) =>
      run(command, (context, work) => work.add(context, url, command.opts())),
    );

  const change = (name: 'drain' | 'resume', description: string) =>
    json(backends.command(name).argument('<id>').description(description)).action(
      (id: string, _options, command: Command) =>
        run(command, (context, work) => work.change(context, name, id, command.opts())),
    );
  change('drain', 'Gives it no new work; what runs goes on.');
  change('resume', 'Gives it work again.');

  json(
    backends
      .command('remove')
      .argument('<id>')
      .description('Drains it and takes it away once it is empty. Its settings are erased then.'),
  )
    .option('--force', 'do not wait: stop what runs there and give it to other backends')
    .action((id: string, _options, command: Command) =>
      run(command, (context, work) => work.remove(context, id, command.opts())),
    );
}
