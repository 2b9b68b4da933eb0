import { fileTypeFromBuffer } from 'file-type';

/** As many leading bytes as the signatures need. */
export const SNIFF_BYTES = 4100;

const UNKNOWN = 'application/octet-stream';

/** Types without a signature that are harmless when the sender is wrong: a browser shows them as text. */
const BELIEVED = new Set(['text/plain', 'text/csv', 'text/markdown', 'application/json']);

/** Types that a browser runs as a page of the serving site, and with them anything built on XML. */
const ACTIVE =
  /^(text\/html|image\/svg|application\/xhtml|text\/xml|application\/xml|(text|application)\/(x-)?(java|ecma)script)|\+xml$/;

/**
 * The content type to store: what the first bytes say, the declared type only where bytes carry no signature. Senders lie
 * by mistake (a login page as image/png) and on purpose (a script as anything), and the worse failure is to serve that
 * script from our own origin; so an active type becomes a plain download.
 */
export async function decideContentType(head: Uint8Array, declaredType: string | undefined): Promise<string> {
  const sniffed = head.length === 0 ? undefined : await fileTypeFromBuffer(head);
  if (sniffed !== undefined) return ACTIVE.test(sniffed.mime) ? UNKNOWN : sniffed.mime;
  const declared = declaredType?.split(';', 1)[0]?.trim().toLowerCase();
  return declared !== undefined && BELIEVED.has(declared) ? declared : UNKNOWN;
}
