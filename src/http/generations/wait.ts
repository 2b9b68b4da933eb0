import type { FastifyReply, FastifyRequest } from 'fastify';
import { isGenerationTerminal } from '../../core/statuses.js';
import type { Generation } from '../../generations/index.js';
import { accountOf } from '../account.js';
import type { HttpContext } from '../context.js';
import { preferredWaitSeconds } from '../prefer.js';

/** Proxies give up on a silent connection, most of them after a minute or two. */
const MAX_WAIT_SECONDS = 120;

/**
 * Holds the answer back until the generation has ended, as long as `Prefer: wait=SECONDS` allows. Returns it as it is then:
 * ended or not, also when the server is about to close. Does nothing without the header.
 */
export async function waitForEnd(
  { generations, closing }: Pick<HttpContext, 'generations' | 'closing'>,
  request: FastifyRequest,
  reply: FastifyReply,
  generation: Generation,
): Promise<Generation> {
  const asked = preferredWaitSeconds(request.headers['prefer']);
  if (asked === null) return generation;
  const seconds = Math.min(asked, MAX_WAIT_SECONDS);
  reply.header('preference-applied', `wait=${seconds}`);
  if (isGenerationTerminal(generation.status) || seconds === 0) return generation;
  const stop = new AbortController();
  const onGone = () => stop.abort();
  const release = closing.onBegin(onGone);
  // The caller is gone: nobody is left to wait for.
  reply.raw.once('close', onGone);
  if (reply.raw.destroyed) onGone();
  const { id } = generation;
  const accountId = accountOf(request);
  try {
    return await generations.wait(id, accountId, { timeoutMs: seconds * 1_000, signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted && !isTimeout(error)) throw error;
    return await generations.get(id, accountId);
  } finally {
    release();
    reply.raw.off('close', onGone);
  }
}

function isTimeout(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === 'wait_timeout';
}
