import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { OutboundClient, type OutboundClientOptions } from '../../src/outbound/index.js';

/**
 * A small internet on the loopback interface: names with public addresses, and behind each address a server. Only what the
 * client is about to connect to is translated, and the socket then reports the public address as its other end, so every
 * look of the guard sees what it would see outside. Connections to any other address are real ones.
 */
export class Internet {
  /** What each name resolves to, one entry per lookup; the last one stays. */
  readonly names = new Map<string, string[][]>();
  /** Addresses that were dialled, in order. */
  readonly dialled: string[] = [];
  readonly lookups: string[] = [];
  readonly #servers = new Map<string, number>();
  readonly #open: Server[] = [];
  readonly #clients: OutboundClient[] = [];

  constructor() {
    afterEach(() => this.#reset());
  }

  /** A server under a public name and address. */
  async site(name: string, address: string, listener: RequestListener): Promise<void> {
    this.names.set(name, [[address]]);
    this.#servers.set(address, (await this.listen(listener)).port);
  }

  /** A plain loopback server. `connections` says how many were made to it. */
  async listen(listener: RequestListener, host = '127.0.0.1'): Promise<{ port: number; connections: () => number }> {
    const server = createServer(listener);
    let connections = 0;
    server.on('connection', () => {
      connections += 1;
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, host, resolve);
    });
    this.#open.push(server);
    return { port: (server.address() as AddressInfo).port, connections: () => connections };
  }

  client(options: Partial<OutboundClientOptions> = {}): OutboundClient {
    const client = new OutboundClient({ clock: systemClock, ...this.network, ...options });
    this.#clients.push(client);
    return client;
  }

  /** For whatever takes the options of an `OutboundClient`. */
  get network(): Required<Pick<OutboundClientOptions, 'resolve' | 'dial'>> {
    return {
      resolve: async (host) => {
        this.lookups.push(host);
        const answers = this.names.get(host);
        if (answers === undefined) throw Object.assign(new Error(`no ${host} here`), { code: 'ENOTFOUND' });
        const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
        return answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      },
      dial: (options) => {
        const { host = '' } = options;
        let address = host;
        options.lookup?.(host, { all: false }, (_error, found) => {
          address = String(found);
        });
        this.dialled.push(address);
        const port = this.#servers.get(address);
        if (port === undefined) return connect(options);
        const socket: Socket = connect({ port, host: '127.0.0.1' });
        Object.defineProperty(socket, 'remoteAddress', { value: address });
        return socket;
      },
    };
  }

  async #reset(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    for (const server of this.#open.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    this.names.clear();
    this.#servers.clear();
    this.dialled.length = 0;
    this.lookups.length = 0;
  }
}

export const redirectTo =
  (location: string, status = 302): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { location }).end();
  };

export function headerNames(request: IncomingMessage): string[] {
  return Object.keys(request.headers).sort();
}
