import type { FastifyPluginAsync } from 'fastify';
import { definedOnly } from '../../core/objects.js';
import { wireTime } from '../../core/wire.js';
import type { RecipeInput } from '../../media/index.js';
import { accountOf } from '../account.js';
import type { HttpContext } from '../context.js';
import { route } from '../route.js';
import { check, pathId } from '../validate.js';
import { deliver } from './deliver.js';
import { mediaInfoJson, mediaJson, mediaUrl } from './json.js';
import {
  mediaContentQuery,
  mediaFile,
  mediaInfo,
  mediaLink,
  mediaLinkRequest,
  mediaList,
  mediaListQuery,
  mediaPatch,
  signedQuery,
} from './schemas.js';

interface IdParams {
  readonly id: string;
}

const tag = 'Media';

/** Stored files of an account: listed, shown, delivered, pinned, linked, removed. */
export const fileRoutes =
  (context: HttpContext): FastifyPluginAsync =>
  async (app) => {
    const { media } = context;
    const idOf = (params: IdParams) => pathId(params.id, 'file');

    app.get(
      '/v1/media',
      route({
        scope: 'media:read',
        summary: 'List files, newest first.',
        ...{ tag, operationId: 'listMedia', query: mediaListQuery },
        answers: { 200: { description: 'A page of files, and what all of them take.', schema: mediaList } },
      }),
      async (request) => {
        const { limit = 50, ...filter } = check(mediaListQuery, request.query, 'query');
        const accountId = accountOf(request);
        const files = await media.list({ accountId, limit, ...definedOnly(filter) });
        const usage = await media.usage(accountId);
        return {
          files: files.map(mediaJson),
          next_before: files.length < limit ? null : (files.at(-1)?.id ?? null),
          usage: { files: usage.files, bytes: usage.bytes, quota_bytes: usage.quotaBytes },
        };
      },
    );

    app.get<{ Params: IdParams }>(
      '/v1/media/:id',
      route({
        scope: 'media:read',
        summary: 'Show a file: what is in it and where it comes from.',
        ...{ tag, operationId: 'getMedia' },
        answers: { 200: { description: 'The file.', schema: mediaInfo } },
      }),
      async (request) => mediaInfoJson(await media.info(idOf(request.params), accountOf(request))),
    );

    app.route<{ Params: IdParams }>({
      // HEAD by ourselves: the framework would open the file and read it to its end to throw it away.
      method: ['GET', 'HEAD'],
      url: '/v1/media/:id/content',
      exposeHeadRoute: false,
      ...route({
        scope: 'media:read',
        summary: 'Fetch a file, or what is derived from it.',
        description: 'With any of the parameters of a recipe, a picture is made from it, once, and then kept.',
        ...{ tag, operationId: 'getMediaContent', query: mediaContentQuery },
        answers: { 200: { description: 'The bytes.', type: '*/*' } },
      }),
      handler: async (request, reply) => {
        const { download = false, ...query } = check(mediaContentQuery, request.query, 'query');
        const { frame_ms: frameMs, ...given } = query;
        const recipe: RecipeInput = definedOnly({ ...given, frameMs });
        const file = await media.get(idOf(request.params), accountOf(request));
        const options = Object.keys(recipe).length === 0 ? { download } : { download, recipe };
        return deliver(context, request, reply, { ...file, filename: file.filename ?? file.id }, options);
      },
    });

    app.patch<{ Params: IdParams }>(
      '/v1/media/:id',
      route({
        scope: 'media:write',
        summary: 'Pin a file, or let go of it.',
        ...{ tag, operationId: 'updateMedia', body: { schema: mediaPatch } },
        answers: { 200: { description: 'The file.', schema: mediaFile } },
      }),
      async (request) => {
        const { pinned } = check(mediaPatch, request.body, 'body');
        return mediaJson(await media.pin(idOf(request.params), accountOf(request), pinned));
      },
    );

    app.delete<{ Params: IdParams }>(
      '/v1/media/:id',
      route({
        scope: 'media:write',
        summary: 'Remove a file and what was derived from it.',
        ...{ tag, operationId: 'removeMedia' },
        answers: { 204: { description: 'It is gone.' } },
      }),
      async (request, reply) => {
        await media.remove(idOf(request.params), accountOf(request));
        return reply.code(204).send();
      },
    );

    app.post<{ Params: IdParams }>(
      '/v1/media/:id/link',
      route({
        scope: 'media:read',
        summary: 'Make an address at which anybody may read the file for a while.',
        ...{ tag, operationId: 'linkMedia', body: { schema: mediaLinkRequest, isOptional: true } },
        answers: { 200: { description: 'The address.', schema: mediaLink } },
      }),
      async (request) => {
        const { expires_in_s: seconds } = check(mediaLinkRequest, request.body ?? {}, 'body');
        const id = idOf(request.params);
        const validMs = seconds === undefined ? undefined : seconds * 1000;
        const { query, expiresAt } = await media.link(id, accountOf(request), validMs);
        const url = `${request.protocol}://${request.host}/v1/signed${mediaUrl(id).slice('/v1'.length)}?${query}`;
        return { url, expires_at: wireTime(expiresAt) };
      },
    );

    app.route<{ Params: IdParams }>({
      method: ['GET', 'HEAD'],
      url: '/v1/signed/media/:id',
      exposeHeadRoute: false,
      ...route({
        scope: 'public',
        summary: 'Fetch a file by a signed address.',
        ...{ tag, operationId: 'getSignedMedia', query: signedQuery },
        answers: { 200: { description: 'The bytes.', type: '*/*' } },
      }),
      handler: async (request, reply) => {
        const { download = false, ...signed } = check(signedQuery, request.query, 'query');
        const { mediaId, accountId } = await media.openLink(idOf(request.params), signed);
        const file = await media.get(mediaId, accountId);
        return deliver(context, request, reply, { ...file, filename: file.filename ?? file.id }, { download });
      },
    });
  };
