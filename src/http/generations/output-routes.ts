import { createHash } from 'node:crypto';
import type { FastifyPluginAsync } from 'fastify';
import { EaselError } from '../../core/errors.js';
import { accountOf } from '../account.js';
import type { HttpContext } from '../context.js';
import { sendFile } from '../file-answer.js';
import { deliver } from '../media/deliver.js';
import { route } from '../route.js';
import { check, flag, pathId, strictObject } from '../validate.js';

const outputQuery = strictObject({ download: flag });

interface OutputParams {
  readonly id: string;
  readonly ordinal: string;
}

/** Output files of a generation, by their position. */
export const outputRoutes =
  (context: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.route<{ Params: OutputParams }>({
      // HEAD by ourselves: the framework would open the file and read it to its end to throw it away.
      method: ['GET', 'HEAD'],
      url: '/v1/generations/:id/outputs/:ordinal',
      exposeHeadRoute: false,
      ...route({
        scope: 'generations:read',
        summary: 'Fetch an output file.',
        ...{ tag: 'Generations', operationId: 'getOutput', query: outputQuery },
        answers: { 200: { description: 'The bytes.', type: '*/*' } },
      }),
      handler: async (request, reply) => {
        const { download = false } = check(outputQuery, request.query, 'query');
        const id = pathId(request.params.id, 'generation');
        const accountId = accountOf(request);
        const generation = await context.generations.get(id, accountId);
        const ordinal = /^\d{1,9}$/.test(request.params.ordinal) ? Number(request.params.ordinal) : -1;
        const output = generation.outputs.find((candidate) => candidate.ordinal === ordinal);
        if (output === undefined) throw noSuchOutput(id, generation.outputs.length);
        const { text, hash, bytes, contentType, filename } = output;
        if (text !== null) {
          const content = Buffer.from(text);
          return sendFile(request, reply, {
            etag: `"${createHash('sha256').update(content).digest('hex')}"`,
            bytes: content.length,
            contentType: 'text/plain; charset=utf-8',
            filename: filename === '' ? `output-${ordinal}.txt` : filename,
            ...{ download, isImmutable: true },
            open: async (range) => (range === undefined ? content : content.subarray(range.start, range.end + 1)),
          });
        }
        if (hash === null)
          throw new EaselError('not_found', `The file of output ${ordinal} of generation ${id} was removed.`, {
            hint: 'Pin files that are to be kept.',
          });
        return deliver(context, request, reply, { accountId, hash, bytes, contentType, filename }, { download });
      },
    });
  };

function noSuchOutput(id: string, count: number): EaselError {
  const hint = count === 0 ? 'Outputs are there once the generation has succeeded.' : `It has ${count}, from 0 on.`;
  return new EaselError('not_found', `Generation ${id} has no such output.`, { hint });
}
