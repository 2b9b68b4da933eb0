import type { Command } from 'commander';
import type { RunInGroup } from './program.js';
import { repeat } from './values.js';

/** The options of `easel workflows …`. What they do is in `commands/workflows.ts`, loaded when it is called. */
type Work = typeof import('./commands/workflows.js');

export function addWorkflowCommands(program: Command, run: RunInGroup<Work>): void {
  const workflows = program
    .command('workflows')
    .summary('add workflows, and look at their inputs and versions')
    .description('Works on the workflows in the configured database, beside a running Easel or without one.');

  const json = (command: Command): Command => command.option('--json', 'print JSON');
  const backend = (command: Command): Command =>
    command
      .option('--backend <url>', 'a ComfyUI server, or the id of a configured backend (default: the first configured)')
      .option('--header <name: value>', 'send this header to the backend (repeatable)', repeat);
  const version = (command: Command): Command =>
    command.option('--at <version>', 'a number, a hash, a label, or latest (default: production, or else latest)');

  json(
    backend(
      workflows
        .command('add')
        .argument('<file>', 'workflow, picture, or -')
        .description(
          'Shows what was found in a workflow, writes a manifest beside it (NAME.easel.json) to edit when there is none, and adds both as a version.',
        ),
    ),
  )
    .option('--name <name>', 'name of the workflow, where the manifest has none (default: that of the file)')
    .option('--manifest <file>', 'the manifest, where it does not lie beside the file')
    .option('--label <label>', 'put this label on the version (repeatable)', repeat)
    .option('--note <text>', 'what is new')
    .option('--refresh', 'build it anew although neither file nor manifest has changed: the backend has')
    .option('--dry-run', 'only show what was found')
    .action((file: string, _options, command: Command) =>
      run(command, (context, work) => work.add(context, file, command.opts())),
    );

  json(workflows.command('list').description('Lists all workflows.'))
    .option('--type <type>', 'only those of this type: MAKE, I2I, UPSCALE, …')
    .action((_options, command: Command) => run(command, (context, work) => work.list(context, command.opts())));

  json(
    version(workflows.command('show').argument('<name>').description('Shows what a workflow takes, makes and needs.')),
  ).action((name: string, _options, command: Command) =>
    run(command, (context, work) => work.show(context, name, command.opts())),
  );

  json(
    workflows
      .command('select')
      .argument('<type>', 'MAKE, I2I, UPSCALE, …')
      .description('Says which deployment of a type a run would get now, and why.'),
  )
    .option('--context <context>', 'what it is for: interactive, api, cook, quick, any', 'interactive')
    .option('--prefer <id>', 'a deployment or a backend that it would rather have')
    .action((type: string, _options, command: Command) =>
      run(command, (context, work) => work.select(context, type, command.opts())),
    );

  json(workflows.command('versions').argument('<name>').description('Lists the versions of a workflow.')).action(
    (name: string, _options, command: Command) =>
      run(command, (context, work) => work.versions(context, name, command.opts())),
  );

  json(
    workflows
      .command('diff')
      .argument('<name>')
      .argument('[from]', 'a version (default: the one that requests take)')
      .argument('[to]', 'a version (default: latest)')
      .description('Shows what differs between two versions.'),
  ).action((name: string, from: string | undefined, to: string | undefined, _options, command: Command) =>
    run(command, (context, work) => work.diff(context, name, [from, to], command.opts())),
  );

  workflows
    .command('label')
    .argument('<name>')
    .argument('<label>', 'for example production or staging')
    .argument('[version]', 'a number, a hash, another label, or latest')
    .option('--remove', 'take the label away')
    .description('Moves a label to a version. Requests that name no version take the one with the label production.')
    .action((name: string, label: string, to: string | undefined, _options, command: Command) =>
      run(command, (context, work) => work.label(context, name, [label, to], command.opts())),
    );

  workflows
    .command('rollback')
    .argument('<name>')
    .argument('[label]', 'the label (default: production)')
    .description('Takes a label back to the version that it was at before.')
    .action((name: string, label: string | undefined, _options, command: Command) =>
      run(command, (context, work) => work.rollback(context, name, label)),
    );

  for (const [action, enabled, description] of [
    ['enable', true, 'Turns a workflow on.'],
    ['disable', false, 'Turns a workflow off: it takes no new requests.'],
  ] as const) {
    workflows
      .command(action)
      .argument('<name>')
      .description(description)
      .action((name: string, _options, command: Command) =>
        run(command, (context, work) => work.setEnabled(context, name, enabled)),
      );
  }

  json(
    backend(
      workflows
        .command('sources')
        .argument('[source]', 'only this one')
        .description(
          'Looks once at the configured sources, takes in what is new, and tells what is wrong; exit code 3 when something is.',
        ),
    ),
  ).action((source: string | undefined, _options, command: Command) =>
    run(command, (context, work) => work.sources(context, source, command.opts())),
  );

  workflows
    .command('remove')
    .argument('<name>')
    .description('Removes a workflow with all versions, labels and deployments.')
    .action((name: string, _options, command: Command) => run(command, (context, work) => work.remove(context, name)));

  json(
    backend(
      version(
        workflows
          .command('check')
          .argument('<name>')
          .description('Tells what a backend lacks for a workflow; exit code 3 when it lacks something.'),
      ),
    ),
  ).action((name: string, _options, command: Command) =>
    run(command, (context, work) => work.check(context, name, command.opts())),
  );

  json(
    backend(
      version(
        workflows
          .command('run')
          .argument('<name>')
          .description('Runs a workflow with these values and saves what it makes. Nothing is charged.'),
      ),
    ),
  )
    .option('-i, --input <name=value>', 'value of an input; the path of a file for files (repeatable)', repeat)
    .option('-o, --out <path>', 'a file, a folder or a pattern such as "{name}-{seed}.{ext}", or - for standard output')
    .option('--force', 'replace files that exist')
    .option('--timeout <duration>', 'give up and stop the run after this long: 90s, 10m, 1h')
    .option('--no-preview', 'no preview pictures in the terminal')
    .option('-q, --quiet', 'show no progress')
    .action((name: string, _options, command: Command) =>
      run(command, (context, work) => work.run(context, name, command.opts())),
    );
}
