import { EaselError } from '../core/errors.js';
import type { MediaContext } from './context.js';
import { receive } from './receive.js';
import type { AttachedFile } from './types.js';

/**
 * Fetches a file that somebody named by its address, through the guard. Its server must say that it is of an accepted
 * kind, and the bytes must agree. Throws what `OutboundClient` and `receive` throw.
 */
export async function receiveFromUrl(
  context: MediaContext,
  url: string,
  options: { readonly accountId: string; readonly maxBytes: number; readonly signal?: AbortSignal | undefined },
): Promise<AttachedFile> {
  const { outbound, settings } = context;
  const { signal } = options;
  const response = await outbound.fetch(url, {
    headers: { accept: settings.accept.join(', ') },
    acceptTypes: settings.accept,
    maxBytes: options.maxBytes,
    timeoutMs: settings.urlTimeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status !== 200) {
    response.body.destroy();
    const passing = response.status >= 500 || response.status === 429;
    throw new EaselError(
      passing ? 'outbound_failed' : 'outbound_refused',
      `${new URL(response.url).host} answered with status ${response.status}.`,
      { details: { status: response.status } },
    );
  }
  return receive(context, response.body, {
    ...options,
    source: 'url',
    state: 'stored',
    filename: nameIn(response.url),
    declaredType: response.contentType ?? undefined,
  });
}

function nameIn(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
