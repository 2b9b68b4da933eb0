import type { IncomingHttpHeaders } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import { EaselError } from '../core/errors.js';

/**
 * Keeps the web pages of strangers away from a server on localhost. A browser on the same machine reaches it, so:
 *
 * - DNS rebinding: a page of evil.example lets its name point to 127.0.0.1 and is then "same origin" with us. Its requests
 *   carry its own name in `Host`, so only names that are ours are answered.
 * - Cross-site requests: any page can post to http://127.0.0.1 without reading the answer. Such a request carries a
 *   foreign `Origin`, or `Sec-Fetch-Site: cross-site`; nothing that changes state is done for it.
 *
 * Programs that are no browser send neither header and are not concerned.
 */
export interface HostPolicy {
  /** Host names that are ours, in addition to the loopback ones; without port. */
  readonly allowedHosts: readonly string[];
}

const WILDCARDS: readonly string[] = ['0.0.0.0', '[::]', '[::0]'];
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** Throws `origin_forbidden`. */
export function checkHost(
  policy: HostPolicy,
  request: { readonly method: string; readonly headers: IncomingHttpHeaders },
): void {
  const { headers } = request;
  const host = hostName(headers.host ?? '');
  if (host === null || !isOurs(policy, host)) {
    throw new EaselError('origin_forbidden', 'This server does not answer under the host name of the request.', {
      hint: 'Call it as 127.0.0.1 or localhost. A proxy in front must send the host that Easel listens on in `Host`.',
    });
  }
  if (SAFE_METHODS.includes(request.method)) return;
  const { origin } = headers;
  const isForeign =
    origin === undefined
      ? headers['sec-fetch-site'] === 'cross-site'
      : !isOwnOrigin(policy, origin, headers.host ?? '');
  if (isForeign) {
    throw new EaselError('origin_forbidden', 'The web page of another site may not change anything here.', {
      hint: 'Call Easel from a program, or from a page on localhost.',
    });
  }
}

/** In lower case and without port, IPv6 in brackets; null when it is not a host. */
export function hostName(host: string): string | null {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase().replace(/\.$/, '') ?? null;
}

export function isLoopbackName(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return name === '[::1]' || name === '::1' || (isIPv4(name) && name.startsWith('127.'));
}

/** As it stands in `Host`. */
function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

function isOurs(policy: HostPolicy, name: string): boolean {
  if (isLoopbackName(name)) return true;
  const allowed = policy.allowedHosts.map(bracketed);
  if (allowed.includes(name)) return true;
  // Listening on every address, we cannot know them all. An address is no name that DNS could point elsewhere.
  return allowed.some((host) => WILDCARDS.includes(host)) && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

function isOwnOrigin(policy: HostPolicy, origin: string, ownHost: string): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  const name = match?.[1] === undefined ? null : hostName(match[1]);
  if (name === null) return false;
  if (match?.[1]?.toLowerCase() === ownHost.toLowerCase()) return true;
  return isLoopbackName(name) || policy.allowedHosts.map(bracketed).includes(name);
}
