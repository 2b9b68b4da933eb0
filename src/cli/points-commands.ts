import type { Command } from 'commander';
import type { RunInGroup } from './program.js';
import { repeat } from './values.js';

/** The options of `easel points …`. What they do is in `commands/points.ts`, loaded when it is called. */
type Work = typeof import('./commands/points.js');

export function addPointsCommands(program: Command, run: RunInGroup<Work>): void {
  const points = program
    .command('points')
    .summary('look at accounts and their points, and grant some')
    .description('Works on the ledger in the configured database. Amounts are in points, for example 25 or 0.5.');

  const period = (command: Command): Command =>
    command
      .option('--kind <kind>', 'only this kind: grant, hold, capture, release, refund, …')
      .option('--generation <id>', 'only what belongs to this generation')
      .option('--from <time>', 'from this day or time on (UTC), for example 2026-11-01')
      .option('--to <time>', 'before this day or time (UTC)');
  const json = (command: Command): Command => command.option('--json', 'print JSON; amounts are in micro-points');
  const authority = (command: Command): Command =>
    command
      .requiredOption('--reason <text>', 'why; kept in the audit')
      .option('--actor <name>', 'who; kept in the audit (default: the user of this machine)')
      .option('--key <text>', 'idempotency key: the same key again changes nothing (default: a new one)');

  json(points.command('balance').argument('<account>').description('Shows what an account has.')).action(
    (account: string, _options, command: Command) =>
      run(command, (context, work) => work.balance(context, account, command.opts())),
  );

  json(
    authority(
      points
        .command('grant')
        .argument('<account>')
        .argument('<points>')
        .description('Gives points to an account; a negative number takes credit away.'),
    ).option('--expires <time>', 'the points are lost after this day or time (UTC)'),
  ).action((account: string, amount: string, _options, command: Command) =>
    run(command, (context, work) => work.grant(context, account, amount, command.opts())),
  );

  json(
    period(
      points.command('history').argument('<account>').description('Lists what happened to an account, newest first.'),
    ),
  )
    .option('--limit <number>', 'lines per page', '50')
    .option('--cursor <number>', 'the cursor that the page before ended with')
    .action((account: string, _options, command: Command) =>
      run(command, (context, work) => work.history(context, account, command.opts())),
    );

  json(
    points
      .command('estimate')
      .argument('[file]', 'an API-format graph, for its size and outputs')
      .description('Says what a generation will cost.'),
  )
    .option('--workflow <name>', 'the workflow whose price applies')
    .option('--account <id>', 'whose tier applies')
    .option('--context <name>', 'what it is for', 'interactive')
    .action((file: string | undefined, _options, command: Command) =>
      run(command, (context, work) => work.estimate(context, file, command.opts())),
    );

  json(
    points
      .command('verify')
      .description('Recomputes all books and prints the first discrepancy; exit code 1 when there is one.'),
  ).action((_options, command: Command) => run(command, (context, work) => work.verify(context, command.opts())));

  period(
    points
      .command('export')
      .argument('<account>')
      .description('Writes the whole history of an account, oldest line first.'),
  )
    .option('--format <format>', 'csv or json', 'csv')
    .action((account: string, _options, command: Command) =>
      run(command, (context, work) => work.exportLines(context, account, command.opts())),
    );

  json(
    points
      .command('statement')
      .argument('<account>')
      .argument('<month>', 'for example 2026-11')
      .description('Sums up a month of an account.'),
  ).action((account: string, month: string, _options, command: Command) =>
    run(command, (context, work) => work.statement(context, account, month, command.opts())),
  );

  json(points.command('audit').argument('[account]').description('Lists what administrators did, newest first.'))
    .option('--limit <number>', 'entries', '50')
    .action((account: string | undefined, _options, command: Command) =>
      run(command, (context, work) => work.audit(context, account, command.opts())),
    );

  json(
    points
      .command('import-legacy')
      .argument('<source>', 'file of mongoexport, - for standard input, or a mongodb:// URL')
      .description('Imports legacy users_economy documents. Shows what would be done, unless told to --apply.'),
  )
    .option('--apply', 'do it')
    .option('--map <field=target>', 'credit, allowance, experience or ignore (repeatable)', repeat)
    .option('--rate <number>', 'points per legacy unit', '1')
    .option('--database <name>', 'database, for a URL that names none')
    .option('--actor <name>', 'who; kept in the audit (default: the user of this machine)')
    .action((source: string, _options, command: Command) =>
      run(command, (context, work) => work.importLegacyUsers(context, source, command.opts())),
    );
}
