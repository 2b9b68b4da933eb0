import { EaselError } from '../core/errors.js';

export type RequestHeaders = Readonly<Record<string, string>>;

/** They say where a request goes and how a connection is used: ours to say. */
const RESERVED =
  /^(host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|expect|accept-encoding)$/;

/** Without any secret by their meaning. */
const HARMLESS = ['accept', 'accept-language', 'user-agent'];

/** Names in lower case. Throws `request_invalid` for a header that would say where the request goes. */
export function ownHeaders(headers: RequestHeaders = {}): RequestHeaders {
  const own: Record<string, string> = { 'user-agent': 'easel', accept: '*/*' };
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (RESERVED.test(lower)) throw new EaselError('request_invalid', `The header ${lower} cannot be set.`);
    own[lower] = value;
  }
  return own;
}

/**
 * What to send to one hop. On another origin than the first only harmless headers go along: any other may be a credential
 * (`authorization`, `cookie`, but also `x-api-key`), and a redirect is how a stranger would collect it.
 */
export function headersFor(
  own: RequestHeaders,
  hop: { readonly isFirstOrigin: boolean; readonly hasBody: boolean },
): Record<string, string> {
  const kept = Object.entries(own).filter(
    ([name]) => (hop.isFirstOrigin || HARMLESS.includes(name)) && (hop.hasBody || name !== 'content-type'),
  );
  return { ...Object.fromEntries(kept), 'accept-encoding': 'identity' };
}

export function plainHeaders(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const plain: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) plain[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  return plain;
}
