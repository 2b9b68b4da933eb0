import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { definedOnly } from '../../core/objects.js';
import { wireTime, wireTimeOrNull } from '../../core/wire.js';
import type { Delivery, WebhookEndpoint, Webhooks } from '../../webhooks/index.js';
import { accountOf } from '../account.js';
import { type RouteFacts, route } from '../route.js';
import { check, pathId, strictObject } from '../validate.js';
import {
  createBody,
  deliveriesQuery,
  deliveryLogSchema,
  deliveryPageSchema,
  endpointSchema,
  endpointWithSecretSchema,
  rotateBody,
  testSentSchema,
  updateBody,
} from './schemas.js';

interface IdParams {
  readonly id: string;
}
interface MessageParams extends IdParams {
  readonly message: string;
}

const emptyBody = strictObject({}).optional();
const PATH = '/v1/webhooks';

const read = (operationId: string, summary: string, answers: RouteFacts['answers'], query?: z.ZodType) =>
  route({ operationId, tag: 'Webhooks', summary, scope: 'webhooks:read', answers, ...definedOnly({ query }) });
const write = (
  operationId: string,
  summary: string,
  answers: RouteFacts['answers'],
  body: RouteFacts['body'] = { schema: emptyBody, isOptional: true },
) => route({ operationId, tag: 'Webhooks', summary, scope: 'webhooks:write', body, answers });

const ROUTES = {
  create: write(
    'createWebhook',
    'Be told about generations at an address',
    { 201: { description: 'Made.', schema: endpointWithSecretSchema } },
    { schema: createBody },
  ),
  list: read('listWebhooks', 'List the endpoints of the account', {
    200: { description: 'All of them.', schema: z.object({ data: z.array(endpointSchema) }) },
  }),
  get: read('getWebhook', 'Read an endpoint', { 200: { description: 'As it is now.', schema: endpointSchema } }),
  update: write(
    'updateWebhook',
    'Change an endpoint',
    { 200: { description: 'Changed.', schema: endpointSchema } },
    { schema: updateBody },
  ),
  remove: route({
    operationId: 'removeWebhook',
    tag: 'Webhooks',
    summary: 'Remove an endpoint with its deliveries',
    scope: 'webhooks:write',
    answers: { 204: { description: 'Removed.' } },
  }),
  rotate: write(
    'rotateWebhookSecret',
    'Make a new secret',
    {
      200: {
        description: 'The new secret; the old one signs beside it for a while.',
        schema: endpointWithSecretSchema,
      },
    },
    { schema: rotateBody, isOptional: true },
  ),
  test: write('testWebhook', 'Send a test message', {
    202: { description: 'It is on its way.', schema: testSentSchema },
  }),
  deliveries: read(
    'listWebhookDeliveries',
    'List deliveries, newest first',
    { 200: { description: 'A page.', schema: deliveryPageSchema } },
    deliveriesQuery,
  ),
  delivery: read('getWebhookDelivery', 'Read a delivery with all its tries', {
    200: { description: 'As it is now.', schema: deliveryLogSchema },
  }),
  redeliver: write('redeliverWebhook', 'Send a message once more', {
    202: { description: 'It will be sent again, with the same id.', schema: deliveryLogSchema },
  }),
};

/** Webhooks of the caller's account. */
export const webhookRoutes =
  (webhooks: Webhooks): FastifyPluginAsync =>
  async (app) => {
    app.post(PATH, ROUTES.create, async (request, reply) => {
      const body = check(createBody, request.body, 'body');
      const made = await webhooks.create({ accountId: accountOf(request), ...definedOnly(body) });
      return reply
        .code(201)
        .header('location', `${PATH}/${made.endpoint.id}`)
        .send({ ...endpointJson(made.endpoint), secret: made.secret });
    });

    app.get(PATH, ROUTES.list, async (request) => ({
      data: (await webhooks.list(accountOf(request))).map(endpointJson),
    }));

    app.get<{ Params: IdParams }>(`${PATH}/:id`, ROUTES.get, async (request) =>
      endpointJson(await webhooks.get(idOf(request.params), accountOf(request))),
    );

    app.patch<{ Params: IdParams }>(`${PATH}/:id`, ROUTES.update, async (request) => {
      const change = definedOnly(check(updateBody, request.body, 'body'));
      return endpointJson(await webhooks.update(idOf(request.params), accountOf(request), change));
    });

    app.delete<{ Params: IdParams }>(`${PATH}/:id`, ROUTES.remove, async (request, reply) => {
      await webhooks.remove(idOf(request.params), accountOf(request));
      return reply.code(204).send();
    });

    app.post<{ Params: IdParams }>(`${PATH}/:id/rotate-secret`, ROUTES.rotate, async (request) => {
      const body = check(rotateBody, request.body, 'body');
      const options = definedOnly({ overlapMs: body?.overlap_ms });
      const { endpoint, secret } = await webhooks.rotateSecret(idOf(request.params), accountOf(request), options);
      return { ...endpointJson(endpoint), secret };
    });

    app.post<{ Params: IdParams }>(`${PATH}/:id/test`, ROUTES.test, async (request, reply) => {
      check(emptyBody, request.body, 'body');
      const messageId = await webhooks.sendTest(idOf(request.params), accountOf(request));
      return reply.code(202).send({ message_id: messageId });
    });

    app.get<{ Params: IdParams }>(`${PATH}/:id/deliveries`, ROUTES.deliveries, async (request) => {
      const filter = definedOnly(check(deliveriesQuery, request.query, 'query'));
      const page = await webhooks.deliveries(idOf(request.params), accountOf(request), filter);
      return { data: page.deliveries.map(deliveryJson), next_before: page.next };
    });

    app.get<{ Params: MessageParams }>(`${PATH}/:id/deliveries/:message`, ROUTES.delivery, async (request) =>
      logOf(webhooks, request.params, accountOf(request)),
    );

    app.post<{ Params: MessageParams }>(
      `${PATH}/:id/deliveries/:message/redeliver`,
      ROUTES.redeliver,
      async (request, reply) => {
        check(emptyBody, request.body, 'body');
        const accountId = accountOf(request);
        await webhooks.redeliver(idOf(request.params), request.params.message, accountId);
        return reply.code(202).send(await logOf(webhooks, request.params, accountId));
      },
    );
  };

function idOf({ id }: IdParams): string {
  return pathId(id, 'webhook endpoint');
}

async function logOf(webhooks: Webhooks, params: MessageParams, accountId: string): Promise<object> {
  const delivery = await webhooks.delivery(idOf(params), params.message, accountId);
  const tries = delivery.tries.map(({ number, at, durationMs, status, error, answer }) => ({
    ...{ number, at: wireTime(at), duration_ms: durationMs, status, error, answer },
  }));
  return { ...deliveryJson(delivery), tries };
}

function endpointJson(endpoint: WebhookEndpoint): object {
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    events: endpoint.events,
    enabled: endpoint.enabled,
    disabled_reason: endpoint.disabledReason,
    failing_since: wireTimeOrNull(endpoint.failingSince),
    created_at: wireTime(endpoint.createdAt),
    updated_at: wireTime(endpoint.updatedAt),
  };
}

function deliveryJson(delivery: Delivery): object {
  return {
    message_id: delivery.messageId,
    generation_id: delivery.generationId,
    type: delivery.type,
    status: delivery.status,
    attempt_count: delivery.attemptCount,
    next_at: wireTimeOrNull(delivery.nextAt),
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    created_at: wireTime(delivery.createdAt),
    finished_at: wireTimeOrNull(delivery.finishedAt),
  };
}
