import type { Command } from 'commander';
import type { RunInGroup } from './program.js';
import { repeat } from './values.js';

/** The options of `easel keys …`. What they do is in `commands/keys.ts`. */
type Work = typeof import('./commands/keys.js');

export function addKeysCommands(program: Command, run: RunInGroup<Work>): void {
  const keys = program
    .command('keys')
    .summary('make, list and revoke keys of the HTTP API')
    .description('Keys of the HTTP API, in the configured database. What is done here holds at once, on every node.');

  keys
    .command('create')
    .argument('[name]', 'what it is for', 'key')
    .description('Makes a key and shows it, this once.')
    .option('--account <id>', 'whose it is', 'local')
    .option(
      '--scope <scope>',
      'what it may do (repeatable); `all` for everything (default: what one user needs)',
      repeat,
    )
    .option('--expires <time>', 'works until this day or time (UTC), for example 2027-01-31')
    .option('--rate <number>', 'requests per minute, on each node')
    .option('--concurrency <number>', 'requests at a time, on each node')
    .option('--budget <points>', 'points that it may spend per day')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  easel keys create shop --account ann\n  easel keys create bot --scope all --rate 6000\n',
    )
    .action((name: string, _options, command: Command) =>
      run(command, (context, work) => work.create(context, name, command.opts())),
    );

  keys
    .command('list')
    .description('Lists keys by what is shown of them. The keys themselves are nowhere.')
    .option('--account <id>', 'only those of this account')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => run(command, (context, work) => work.list(context, command.opts())));

  keys
    .command('revoke')
    .argument('<key>', 'its id, or the characters that `list` shows')
    .description('Ends a key, from the next request on.')
    .option('--json', 'print JSON')
    .action((key: string, _options, command: Command) =>
      run(command, (context, work) => work.revoke(context, key, command.opts())),
    );

  keys
    .command('rotate')
    .argument('<key>', 'its id, or the characters that `list` shows')
    .description('Makes a new key that may do the same; the old one works a while longer.')
    .option('--overlap <duration>', 'how long the old one works: 90s, 10m, 24h', '24h')
    .option('--json', 'print JSON')
    .action((key: string, _options, command: Command) =>
      run(command, (context, work) => work.rotate(context, key, command.opts())),
    );
}
