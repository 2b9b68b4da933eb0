import type { Readable } from 'node:stream';
import type { OutboundClient } from '../outbound/index.js';
import type { WebhookSender } from './types.js';

/**
 * Sends through the outbound guard. Redirects are not followed: a receiver that moved says so to its owner, and one that
 * points inward gets nothing; the redirecting answer counts as a failure. Of the answer only the beginning is read.
 */
export function guardedSender(client: OutboundClient): WebhookSender {
  return async ({ url, headers, body, timeoutMs, maxAnswerBytes, signal }) => {
    const response = await client.fetch(url, { method: 'POST', headers, body, timeoutMs, maxRedirects: 0, signal });
    return {
      status: response.status,
      retryAfterMs: retryAfterOf(response.headers['retry-after']),
      text: await firstBytes(response.body, maxAnswerBytes),
    };
  };
}

/** Seconds; the form with a date is rare, and a bound that is not understood is no bound. */
function retryAfterOf(header: string | undefined): number | null {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;
}

async function firstBytes(body: Readable, limit: number): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes >= limit) break;
    }
  } catch {
    // The status came, and it is what counts.
  } finally {
    body.destroy();
  }
  return Buffer.concat(pieces).subarray(0, limit).toString('utf8');
}
