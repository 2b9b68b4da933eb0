import type { Command } from 'commander';
import type { RunInGroup } from './program.js';

/** The options of `easel sessions …`. What they do is in `commands/sessions.ts`. */
type Work = typeof import('./commands/sessions.js');

export function addSessionsCommands(program: Command, run: RunInGroup<Work>): void {
  const sessions = program
    .command('sessions')
    .summary('look at sessions of users, change and end them')
    .description('Works on the sessions in the configured database. SESSION is an id, or PLATFORM:USER.');
  const json = (command: Command): Command => command.option('--json', 'print JSON');

  json(sessions.command('list').description('Lists live sessions, oldest first.'))
    .option('--account <id>', 'only those of this account')
    .option('--platform <name>', 'only those of this platform')
    .option('--after <id>', 'start after this session')
    .option('--limit <number>', 'how many, up to 200', '50')
    .action((_options, command: Command) => run(command, (context, work) => work.list(context, command.opts())));

  json(
    sessions.command('show').argument('<session>').description('Shows a session, its values and what is remembered.'),
  ).action((session: string, _options, command: Command) =>
    run(command, (context, work) => work.show(context, session, command.opts())),
  );

  json(
    sessions
      .command('set')
      .argument('<session>')
      .argument('<name>', 'name of the value')
      .argument('[value]', 'JSON, or else text; without it the value is removed')
      .description('Sets or removes a value. PLATFORM:USER makes a session where there is none.'),
  ).action((session: string, name: string, value: string | undefined, _options, command: Command) =>
    run(command, (context, work) => work.set(context, { session, name, value }, command.opts())),
  );

  json(
    sessions.command('remove').argument('<session>').description('Ends a session. What is remembered stays.'),
  ).action((session: string, _options, command: Command) =>
    run(command, (context, work) => work.remove(context, session, command.opts())),
  );

  json(
    sessions
      .command('link')
      .argument('<session>')
      .argument('[code]', 'a code from elsewhere; without it, makes one')
      .description('Makes a code that links another platform to the account of this session, or enters one.'),
  ).action((session: string, code: string | undefined, _options, command: Command) =>
    run(command, (context, work) => work.link(context, session, code, command.opts())),
  );

  json(sessions.command('sweep').description('Deletes at once what has expired.')).action(
    (_options, command: Command) => run(command, (context, work) => work.sweep(context, command.opts())),
  );
}
