import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/**
 * The origin check (comfyui.md 1.2): only when a loopback address is asked for, and only when the request says where it
 * comes from. Ports are compared when both sides name one. It keeps web pages from driving a local server.
 */
export function isForeignOrigin(headers: IncomingHttpHeaders): boolean {
  const { host, origin } = headers;
  if (host === undefined || origin === undefined) return false;
  const asked = splitHost(host.toLowerCase());
  const from = splitHost(/^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(origin)?.[1]?.toLowerCase() ?? '');
  if (asked.name === '' || from.name === '' || !isLoopback(asked.name)) return false;
  if (asked.name !== from.name) return true;
  return asked.port !== '' && from.port !== '' && asked.port !== from.port;
}

function splitHost(host: string): { readonly name: string; readonly port: string } {
  const [, name = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host.replace(/^.*@/, '')) ?? [];
  return { name: name.replace(/^\[|\]$/g, ''), port };
}

function isLoopback(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return isIP(name) === 4 ? name.startsWith('127.') : name === '::1';
}
