import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type JsonValue, parseLossless, stringifyLossless } from '../core/json.js';
import { MAX_JSON_DEPTH, nestingDepth } from '../graph/index.js';
import { requestInvalid } from './problem.js';

/**
 * Bodies in and out keep every integer to its last digit: a seed goes up to 2^64-1, and one that was rounded on its way is
 * another seed. An empty body is `undefined`, for routes that need none.
 */
export function useLosslessJson(app: FastifyInstance): void {
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer): Promise<JsonValue | undefined> => parseBody(body),
  );
  app.setReplySerializer((payload) => stringifyLossless(payload));
}

/** Throws `request_invalid`. */
export function parseBody(body: Uint8Array): JsonValue | undefined {
  const text = decode(body);
  if (text.trim() === '') return undefined;
  if (nestingDepth(text) > MAX_JSON_DEPTH) {
    throw requestInvalid(`The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  try {
    return parseLossless(text);
  } catch (error) {
    const reason = error instanceof Error ? ` ${error.message}.` : '';
    throw requestInvalid(`The body is not valid JSON.${reason}`, [], 'Send one JSON object.');
  }
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw requestInvalid('The body is not UTF-8 text.', [], 'Send JSON in UTF-8.');
  }
}
