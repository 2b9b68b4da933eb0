import { EaselError } from '../core/errors.js';

const HEAD = /^data:([^,;]*)((?:;[^,;]*)*),/i;

/**
 * The bytes of a data URL (RFC 2397). What is not strictly base64 is refused and not repaired: lenient decoders disagree
 * about what it says. Throws `media_invalid`, `payload_too_large`.
 */
export function decodeDataUrl(
  url: string,
  maxBytes: number,
): { readonly bytes: Buffer; readonly declaredType: string } {
  const match = HEAD.exec(url.slice(0, 1_000));
  if (match === null) throw invalid('It does not begin like data:image/png;base64,');
  const [head, type = '', parameters = ''] = match;
  const body = url.slice(head.length);
  const isBase64 = /;\s*base64$/i.test(parameters);
  if (body.length > Math.ceil(maxBytes / 3) * 4 * (isBase64 ? 1 : 3) + 4)
    throw new EaselError('payload_too_large', `The file is larger than ${maxBytes} bytes.`, { details: { maxBytes } });
  const bytes = isBase64 ? fromBase64(body) : fromPercent(body);
  return { bytes, declaredType: type === '' ? 'text/plain' : type.toLowerCase() };
}

function fromBase64(body: string): Buffer {
  const text = body.includes('%') ? decode(body) : body;
  if (text.length % 4 === 1 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw invalid('Its data is not base64.');
  return Buffer.from(text, 'base64');
}

function fromPercent(body: string): Buffer {
  return Buffer.from(decode(body), 'utf8');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('Its data is not percent-encoded text.');
  }
}

function invalid(reason: string): EaselError {
  return new EaselError('media_invalid', `The data URL cannot be read. ${reason}`);
}
