import { lookup as systemLookup } from 'node:dns/promises';
import { type LookupFunction, connect as netConnect, type Socket, type TcpNetConnectOpts } from 'node:net';
import { buildConnector } from 'undici';
import type { Clock } from '../core/clock.js';
import { type AddressRules, isAddressLiteral } from './address-rules.js';
import { connectionFailed, forbidden, timedOut } from './faults.js';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Every address of a name. Rejects like `dns.lookup`. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;
/** Begins a TCP connection, as `net.connect` does. */
export type Dial = (options: TcpNetConnectOpts) => Socket;

export interface GuardedConnectOptions {
  readonly rules: AddressRules;
  readonly clock: Clock;
  /** For the name lookup and the TCP connection together, and once more for the TLS handshake. */
  readonly connectTimeoutMs: number;
  readonly resolve?: Resolve;
  readonly dial?: Dial;
  /** PEM certificates to trust besides the system's. */
  readonly ca?: string | readonly string[];
}

/**
 * The `connect` hook of an undici Agent, with the looks that need the network:
 *
 *   literal     again, since a redirect or a pool may come here by another way; a `lookup` hook never sees a literal
 *   lookup      every address that the name has now; one that is not public is enough to refuse
 *   connected   the address at the other end, before a byte is sent
 *
 * The connection goes to the very addresses that were looked at: a name that resolves to something else a moment later
 * (rebinding) has no second say.
 */
export function guardedConnect(options: GuardedConnectOptions): buildConnector.connector {
  const { connectTimeoutMs, ca } = options;
  const secure = buildConnector({
    timeout: connectTimeoutMs,
    allowH2: false,
    ...(ca === undefined ? {} : { ca: [...[ca].flat()] }),
  });
  return (request, callback) => {
    const port = Number(request.port) || (request.protocol === 'https:' ? 443 : 80);
    openSocket(request.hostname, port, options).then(
      (socket) => {
        if (request.protocol !== 'https:') callback(null, socket);
        else secure({ ...request, httpSocket: socket }, callback);
      },
      (error: unknown) => callback(connectionFailed(error, request.hostname), null),
    );
  };
}

async function openSocket(host: string, port: number, options: GuardedConnectOptions): Promise<Socket> {
  const { rules, clock, connectTimeoutMs, dial = netConnect } = options;
  let socket: Socket | undefined;
  let expire: (error: Error) => void = () => {};
  const expired = new Promise<never>((_, reject) => {
    expire = reject;
  });
  const timer = clock.setTimer(() => expire(timedOut(host, connectTimeoutMs)), connectTimeoutMs);
  try {
    const addresses = await Promise.race([checkedAddresses(host, options), expired]);
    socket = dial({ host, port, noDelay: true, autoSelectFamily: true, lookup: answerWith(addresses) });
    await Promise.race([connected(socket), expired]);
    const { remoteAddress } = socket;
    if (!rules.isHostAllowed(host) && (remoteAddress === undefined || !rules.isAddressAllowed(remoteAddress)))
      throw forbidden(`The connection to ${host} ended at an address that is not on the public internet.`);
    return socket;
  } catch (error) {
    socket?.on('error', () => {}).destroy();
    throw error;
  } finally {
    timer.cancel();
    expired.catch(() => {});
  }
}

async function checkedAddresses(host: string, options: GuardedConnectOptions): Promise<readonly ResolvedAddress[]> {
  const { rules, resolve = resolveBySystem } = options;
  const literal = isAddressLiteral(host);
  const addresses = literal ? [{ address: host, family: host.includes(':') ? 6 : 4 }] : await resolve(host);
  if (addresses.length === 0) throw Object.assign(new Error(`no address of ${host}`), { code: 'ENODATA' });
  if (!rules.isHostAllowed(host) && !addresses.every(({ address }) => rules.isAddressAllowed(address)))
    throw forbidden(`${host} leads to an address that is not on the public internet.`);
  return addresses;
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve();
    });
    socket.once('error', reject);
  });
}

/** In place of a second lookup, whose answer might differ from the one that was checked. */
function answerWith(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses;
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
}

const resolveBySystem: Resolve = (host) => systemLookup(host, { all: true, verbatim: true });
