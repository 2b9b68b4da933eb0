import type { Command } from 'commander';
import type { RunInGroup } from './program.js';

/** The options of `easel backup` and `easel restore`. What they do is in `commands/backup.ts`. */
type Work = typeof import('./commands/backup.js');

export function addOperationsCommands(program: Command, run: RunInGroup<Work>): void {
  program
    .command('backup')
    .summary('copy database and media into a folder, while everything runs')
    .description(
      'Copies the configured database and media into a new folder. Easel may go on working; the copy shows one moment.',
    )
    .argument('<folder>', 'is made; must not exist')
    .option('--no-media', 'the database alone')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExamples:\n  easel backup backups/monday\n  easel backup backups/rows --no-media\n')
    .action((folder: string, _options, command: Command) =>
      run(command, (context, work) => work.backupCommand(context, folder, command.opts())),
    );
  program
    .command('restore')
    .summary('fill an empty database and the media store from a backup')
    .description(
      'Fills the configured database, which must be empty, and the media store. A backup of SQLite fits PostgreSQL too, and the other way round.',
    )
    .argument('<folder>', 'what `easel backup` has written')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExamples:\n  easel restore backups/monday\n')
    .action((folder: string, _options, command: Command) =>
      run(command, (context, work) => work.restoreCommand(context, folder, command.opts())),
    );
}
