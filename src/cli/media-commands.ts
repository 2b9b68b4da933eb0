import type { Command } from 'commander';
import type { RunInGroup } from './program.js';

/** The options of `easel media …`. What they do is in `commands/media.ts`, loaded when it is called. */
type Work = typeof import('./commands/media.js');

export function addMediaCommands(program: Command, run: RunInGroup<Work>): void {
  const media = program
    .command('media')
    .summary('look at stored files, and add, derive and remove some')
    .description('Works on the configured database and store, beside a running Easel or without one.');

  const common = (command: Command): Command =>
    command.option('--account <id>', 'whose files', 'local').option('--json', 'print JSON');

  common(media.command('list').description('Lists files, newest first.'))
    .option('--limit <number>', 'lines', '50')
    .option('--before <id>', 'go on after this file')
    .option('--pinned', 'only pinned ones')
    .action((_options, command: Command) => run(command, (context, work) => work.list(context, command.opts())));

  common(
    media.command('show').argument('<id>').description('Shows a file: what is in it and where it comes from.'),
  ).action((id: string, _options, command: Command) =>
    run(command, (context, work) => work.show(context, id, command.opts())),
  );

  common(
    media
      .command('put')
      .argument('<source>', 'a file, an http or https address, or - for standard input')
      .description('Stores a file.'),
  )
    .option('--pin', 'keep it whatever the retention says')
    .action((source: string, _options, command: Command) =>
      run(command, (context, work) => work.put(context, source, command.opts())),
    );

  common(
    media
      .command('derive')
      .argument('<id>')
      .description('Makes another picture from a stored picture, or from a frame of a stored video, and saves it.'),
  )
    .requiredOption('-o, --out <path>', 'the file to write, or - for standard output')
    .option('--preset <name>', 'thumbnail')
    .option('--width <pixels>', 'width')
    .option('--height <pixels>', 'height')
    .option('--fit <how>', 'inside, cover, contain or fill')
    .option('--format <name>', 'jpeg, png, webp, avif or gif')
    .option('--quality <number>', '1 to 100')
    .option('--keep-metadata', 'keep what the file says about itself')
    .option('--watermark', 'write the configured text on it')
    .option('--frame <duration>', 'time of the frame of a video, for example 1500ms or 3s')
    .option('--force', 'replace a file that exists')
    .action((id: string, _options, command: Command) =>
      run(command, (context, work) => work.derive(context, id, command.opts())),
    );

  common(
    media.command('remove').argument('<id...>').description('Removes files and what was derived from them.'),
  ).action((ids: string[], _options, command: Command) =>
    run(command, (context, work) => work.remove(context, ids, command.opts())),
  );

  media
    .command('sweep')
    .description('Removes what nobody needs: remains of dead processes, old files by the configured retention.')
    .option('--orphans', 'look through the whole store for objects that nothing refers to')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => run(command, (context, work) => work.sweep(context, command.opts())));

  program
    .command('accounts')
    .summary('remove an account')
    .description('Works on the configured database and store.')
    .command('delete')
    .argument('<account>')
    .description(
      'Removes all that an account has: generations, files, keys, webhooks, sessions. Its points stay, since books are kept.',
    )
    .requiredOption('--yes', 'do it')
    .option('--json', 'print JSON')
    .action((account: string, _options, command: Command) =>
      run(command, (context, work) => work.deleteAccount(context, account, command.opts())),
    );
}
