import type { Command } from 'commander';
import type { CommandContext, RunInGroup } from './program.js';
import { repeat } from './values.js';

/** The options of `easel webhooks …`. What they do is in `commands/webhooks.ts`. */
type Work = typeof import('./commands/webhooks.js');

export function addWebhooksCommands(program: Command, run: RunInGroup<Work>): void {
  const webhooks = program
    .command('webhooks')
    .summary('say where accounts want to be told about generations')
    .description('Works on the webhooks in the configured database; a serving Easel sends them.');
  const account = (command: Command): Command =>
    command.option('--account <id>', 'whose it is', 'local').option('--json', 'print JSON');
  const onEndpoint = (
    name: string,
    description: string,
    work: (work: Work) => (context: CommandContext, id: string, options: never) => Promise<number>,
  ): Command =>
    account(webhooks.command(name).argument('<id>', 'of the endpoint').description(description)).action(
      (id: string, _options, command: Command) =>
        run(command, (context, loaded) => work(loaded)(context, id, command.opts() as never)),
    );

  account(
    webhooks
      .command('add')
      .argument('<url>')
      .description('Tells this address how generations end, and prints the secret, this once.')
      .option('--event <type>', 'only events of this type, such as generation.failed (repeatable)', repeat)
      .option('--description <text>', 'what it is for'),
  ).action((url: string, _options, command: Command) =>
    run(command, (context, work) => work.add(context, url, command.opts())),
  );
  account(webhooks.command('list').description('Lists endpoints and how they are.')).action(
    (_options, command: Command) => run(command, (context, work) => work.list(context, command.opts())),
  );
  onEndpoint('remove', 'Removes an endpoint with its deliveries.', (work) => work.remove);
  onEndpoint('enable', 'Turns an endpoint on again, and forgets its failures.', (work) => work.enable);
  onEndpoint('test', 'Sends a message that tells of nothing.', (work) => work.sendTest);
  onEndpoint('rotate', 'Makes a new secret; the old one signs beside it for a day.', (work) => work.rotate);
  onEndpoint('deliveries', 'Lists deliveries, newest first.', (work) => work.deliveries).option(
    '--status <status>',
    'only those that are pending, delivered or dead',
  );
  account(
    webhooks
      .command('redeliver')
      .argument('<id>', 'of the endpoint')
      .argument('<message>', 'its webhook-id')
      .description('Sends a message once more, with the same webhook-id.'),
  ).action((id: string, message: string, _options, command: Command) =>
    run(command, (context, work) => work.redeliver(context, id, message, command.opts())),
  );
}
