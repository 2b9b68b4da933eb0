import type { AddressRules } from './address-rules.js';
import { isAddressLiteral } from './address-rules.js';
import { forbidden } from './faults.js';

const MAX_URL_CHARS = 8_192;

/**
 * The first of the three looks: at the address as it is written. It refuses what no lookup will ever be asked about (a
 * literal address), and what has no business in an address that a stranger gave. Throws `outbound_forbidden`.
 */
export function checkTarget(input: string | URL, rules: AddressRules, base?: URL): URL {
  const text = String(input);
  if (text.length > MAX_URL_CHARS) throw forbidden(`The address is longer than ${MAX_URL_CHARS} characters.`);
  if (!URL.canParse(text, base?.href)) throw forbidden('The address is not a URL.');
  const url = new URL(text, base?.href);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw forbidden(`Addresses that begin with ${url.protocol} are not called, only http: and https:.`);
  // `https://trusted.example@evil.example/` reads like the wrong host; and a password in an address ends up in logs.
  if (url.username !== '' || url.password !== '') throw forbidden('The address carries a user name or a password.');
  const host = hostOf(url);
  if (!rules.isHostAllowed(host) && isAddressLiteral(host) && !rules.isAddressAllowed(host))
    throw forbidden('The address is not on the public internet.');
  url.hash = '';
  return url;
}

/** Without the brackets of IPv6. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
