import type { FastifyInstance } from 'fastify';
import { ConfigError } from '../core/errors.js';
import { isLoopbackName } from './host-guard.js';

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Every request is asked for a key, and there is one: then it may listen beyond this machine. */
  readonly isProtected?: boolean;
  /** Listens beyond this machine although nobody is asked for a key: everybody who gets there may do everything. */
  readonly insecurePublicBind?: boolean;
}

export interface Listening {
  /** Without a slash at the end. Where it listens on every address, the loopback one. */
  readonly url: string;
  readonly port: number;
  /** Stops accepting, ends event streams, lets requests under way finish for a moment, hangs up. May be repeated. */
  close(): Promise<void>;
}

/** Throws ConfigError `config_invalid` when it must not, or cannot, listen there. */
export async function listen(app: FastifyInstance, options: ListenOptions): Promise<Listening> {
  const { host, port } = options;
  if (!isLoopbackName(host) && options.isProtected !== true && options.insecurePublicBind !== true) {
    refusePublicBind(host);
  }
  // By its name, localhost may be two addresses and would become two servers, of which only one is closed with care.
  const address = host.toLowerCase() === 'localhost' ? '127.0.0.1' : host.replace(/^\[|\]$/g, '');
  try {
    await app.listen({ host: address, port });
  } catch (error) {
    throw cannotListen(error, host, port);
  }
  const bound = app.server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  return { url: `http://${reachable(address)}:${boundPort}`, port: boundPort, close: () => app.close() };
}

/** Throws `config_invalid`. */
export function refusePublicBind(host: string): never {
  throw new ConfigError('config_invalid', `http.host is ${host}, and there is no key: nobody could use it safely.`, {
    hint: 'Make a key first with `easel keys create`, or listen on 127.0.0.1. `--insecure-public-bind` asks nobody for a key.',
  });
}

function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return address.includes(':') ? `[${address}]` : address;
}

const REASONS: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  EADDRINUSE: {
    what: 'another program listens there',
    hint: 'Stop the other program, or choose another port (0 takes any free one).',
  },
  EACCES: { what: 'this user may not use that port', hint: 'Choose a port above 1023.' },
  EADDRNOTAVAIL: { what: 'this machine has no such address', hint: 'Use 127.0.0.1, or an address of this machine.' },
  ENOTFOUND: { what: 'no such host is known', hint: 'Use 127.0.0.1, or an address of this machine.' },
};

function cannotListen(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : REASONS[code];
  if (reason === undefined) return error;
  const message = `Cannot listen on ${host} port ${port}: ${reason.what} (${code}).`;
  return new ConfigError('config_invalid', message, { hint: reason.hint, cause: error });
}
