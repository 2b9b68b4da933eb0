import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type JsonValue, parseLossless, stringifyLossless } from '../core/json.js';
import { requestInvalid } from './problem.js';

/** Deeper nesting is an attack or an accident; it would overflow the stack of whatever walks the value later. */
const MAX_DEPTH = 200;

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
  if (nestingDepth(text) > MAX_DEPTH) throw requestInvalid(`The body is nested deeper than ${MAX_DEPTH} levels.`);
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

/** Deepest nesting of brackets outside of strings, without building anything. */
function nestingDepth(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}
