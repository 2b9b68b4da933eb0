import { silentLogger } from '../../core/log.js';
import { definedOnly } from '../../core/objects.js';
import { OutboundClient } from '../../outbound/index.js';
import {
  type DeliveryStatus,
  guardedSender,
  WEBHOOK_EVENTS,
  type WebhookEvent,
  Webhooks,
} from '../../webhooks/index.js';
import type { CliIo } from '../io.js';
import { withDatabase } from '../open.js';
import { type Json, printJson, timeText } from '../print.js';
import type { CommandContext } from '../program.js';
import { usage } from '../values.js';

/** `easel webhooks …`: works on the database itself; what it puts into the outbox is sent by whoever serves. */
interface Options extends Json {
  readonly account: string;
}

export async function add(
  context: CommandContext,
  url: string,
  options: Options & { readonly event?: readonly string[]; readonly description?: string },
): Promise<number> {
  const { description } = options;
  const events = options.event?.map(eventOf);
  const made = await withWebhooks(context, (webhooks) =>
    webhooks.create({ accountId: options.account, url, ...definedOnly({ events, description }) }),
  );
  if (options.json === true) return printJson(context.io, { ...made.endpoint, secret: made.secret });
  context.io.stdout.write(`${made.secret}\n`);
  context.io.stderr.write(`The secret of endpoint ${made.endpoint.id}, shown this once.\n`);
  return 0;
}

export async function list(context: CommandContext, options: Options): Promise<number> {
  const found = await withWebhooks(context, (webhooks) => webhooks.list(options.account));
  if (options.json === true) return printJson(context.io, found);
  for (const { id, url, enabled, disabledReason, failingSince } of found) {
    const state = enabled ? (failingSince === null ? 'on' : `failing since ${timeText(failingSince)}`) : 'off';
    context.io.stdout.write(`${id}  ${state}  ${url}${disabledReason === null ? '' : `  ${disabledReason}`}\n`);
  }
  if (found.length === 0) context.io.stdout.write('There are no endpoints. `easel webhooks add URL` makes one.\n');
  return 0;
}

export async function remove(context: CommandContext, id: string, options: Options): Promise<number> {
  await withWebhooks(context, (webhooks) => webhooks.remove(id, options.account));
  return say(context.io, options, 'Removed.');
}

export async function enable(context: CommandContext, id: string, options: Options): Promise<number> {
  await withWebhooks(context, (webhooks) => webhooks.update(id, options.account, { enabled: true }));
  return say(context.io, options, 'On.');
}

export async function sendTest(context: CommandContext, id: string, options: Options): Promise<number> {
  const message = await withWebhooks(context, (webhooks) => webhooks.sendTest(id, options.account));
  return say(context.io, options, `Message ${message} is in the outbox; a serving Easel sends it.`);
}

export async function rotate(context: CommandContext, id: string, options: Options): Promise<number> {
  const made = await withWebhooks(context, (webhooks) => webhooks.rotateSecret(id, options.account));
  if (options.json === true) return printJson(context.io, { ...made.endpoint, secret: made.secret });
  context.io.stdout.write(`${made.secret}\n`);
  return 0;
}

export async function deliveries(
  context: CommandContext,
  id: string,
  options: Options & { readonly status?: string },
): Promise<number> {
  const filter = options.status === undefined ? {} : { status: statusOf(options.status) };
  const { deliveries: found } = await withWebhooks(context, (webhooks) =>
    webhooks.deliveries(id, options.account, { ...filter, limit: 100 }),
  );
  if (options.json === true) return printJson(context.io, found);
  for (const { messageId, type, status, attemptCount, nextAt, lastError } of found) {
    const next = nextAt === null ? '' : `, next ${timeText(nextAt)}`;
    const error = lastError === null ? '' : `  ${lastError}`;
    context.io.stdout.write(`${messageId}  ${type}  ${status} (tries: ${attemptCount}${next})${error}\n`);
  }
  if (found.length === 0) context.io.stdout.write('There are no deliveries.\n');
  return 0;
}

export async function redeliver(
  context: CommandContext,
  id: string,
  message: string,
  options: Options,
): Promise<number> {
  await withWebhooks(context, (webhooks) => webhooks.redeliver(id, message, options.account));
  return say(context.io, options, 'In the outbox; a serving Easel sends it.');
}

function eventOf(text: string): WebhookEvent {
  const found = WEBHOOK_EVENTS.find((event) => event === text);
  if (found === undefined) throw usage(`--event: there is no "${text}".`, `Events are: ${WEBHOOK_EVENTS.join(', ')}.`);
  return found;
}

function statusOf(text: string): DeliveryStatus {
  if (text === 'pending' || text === 'delivered' || text === 'dead') return text;
  throw usage(`--status: there is no "${text}".`, 'Use pending, delivered or dead.');
}

function say(io: CliIo, { json }: Options, words: string): number {
  if (json === true) return printJson(io, { message: words });
  io.stdout.write(`${words}\n`);
  return 0;
}

function withWebhooks<T>(context: CommandContext, work: (webhooks: Webhooks) => Promise<T>): Promise<T> {
  const { clock } = context.io;
  return withDatabase(context, async (db, config) => {
    const outbound = new OutboundClient({ clock, allow: config.outbound.allow });
    try {
      return await work(
        new Webhooks({
          ...{ db, clock, logger: silentLogger, send: guardedSender(outbound), describe: async () => null },
          checkUrl: (url) => void outbound.check(url),
        }),
      );
    } finally {
      await outbound.close();
    }
  });
}
