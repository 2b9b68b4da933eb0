import ipaddr from 'ipaddr.js';
import { ConfigError } from '../core/errors.js';

/**
 * Which addresses may be called on behalf of somebody else. Everything that is not plainly public is refused: what lies
 * behind the other ranges (loopback, the cloud's metadata service, the database next door) trusts whoever can reach it.
 */
export class AddressRules {
  readonly #hosts = new Set<string>();
  readonly #networks: [ipaddr.IPv4 | ipaddr.IPv6, number][] = [];

  /**
   * @param allow Exceptions of whoever runs Easel: host names (`nas.example`), addresses (`10.1.2.3`), networks
   * (`10.0.0.0/8`, `fd00::/8`). A named host may have any address. Throws `config_invalid`.
   */
  constructor(allow: readonly string[] = []) {
    for (const entry of allow) this.#add(entry.trim());
  }

  /** True for a host that is allowed by its name, so that its addresses need no look. */
  isHostAllowed(host: string): boolean {
    return this.#hosts.has(plainHost(host));
  }

  /** `address` in any notation that a socket or resolver gives. What is no address is refused. */
  isAddressAllowed(address: string): boolean {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.parse(address);
    return isPublic(parsed) || this.#networks.some((network) => isWithin(parsed, network));
  }

  #add(entry: string): void {
    if (entry.includes('/')) {
      if (!ipaddr.isValidCIDR(entry)) throw invalid(entry);
      this.#networks.push(ipaddr.parseCIDR(entry));
    } else if (ipaddr.IPv4.isValidFourPartDecimal(entry) || ipaddr.IPv6.isValid(entry)) {
      const address = ipaddr.parse(entry);
      this.#networks.push([address, address.kind() === 'ipv4' ? 32 : 128]);
    } else if (/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/i.test(entry)) {
      this.#hosts.add(plainHost(entry));
    } else {
      throw invalid(entry);
    }
  }
}

/** True when the text is an address and not a name. WHATWG URLs have brought every notation of IPv4 to four decimals. */
export function isAddressLiteral(host: string): boolean {
  return ipaddr.isValid(host);
}

/** Assigned so far for the public internet (RFC 4291 2.4). Outside lie, among others, the IPv4-compatible addresses `::a.b.c.d`. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Public by its number, but answered by the host of an Azure machine with that machine's secrets. */
const METADATA = ['168.63.129.16'];

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  // Ranges that carry an IPv4 address within (mapped, NAT64, 6to4, Teredo) have names of their own, so they end here too.
  if (address.range() !== 'unicast') return false;
  if (isIPv6(address)) return address.match(GLOBAL_IPV6);
  return !METADATA.includes(address.toString());
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, [base, bits]: [ipaddr.IPv4 | ipaddr.IPv6, number]): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

function isIPv6(address: ipaddr.IPv4 | ipaddr.IPv6): address is ipaddr.IPv6 {
  return address.kind() === 'ipv6';
}

function plainHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function invalid(entry: string): ConfigError {
  return new ConfigError('config_invalid', `${JSON.stringify(entry)} is neither a host, an address nor a network.`, {
    hint: 'Allow hosts like `nas.example`, addresses like `10.1.2.3`, networks like `10.0.0.0/8`.',
  });
}
