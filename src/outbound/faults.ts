import { EaselError } from '../core/errors.js';

/** Errors name the host, never the address that it leads to: that would tell a stranger about the network inside. */
export function forbidden(message: string): EaselError {
  return new EaselError('outbound_forbidden', message);
}

export function refused(message: string, details?: Readonly<Record<string, unknown>>): EaselError {
  return new EaselError('outbound_refused', message, details === undefined ? {} : { details });
}

export function timedOut(host: string, timeoutMs: number): EaselError {
  return new EaselError('outbound_timeout', `${host} did not deliver within ${timeoutMs} ms.`, {
    details: { host, timeoutMs },
  });
}

export function tooLarge(maxBytes: number): EaselError {
  return new EaselError('payload_too_large', `The other server's answer is larger than ${maxBytes} bytes.`, {
    details: { maxBytes },
  });
}

/** What sockets, resolvers and the HTTP client throw, in our words. Errors of our own pass. */
export function connectionFailed(thrown: unknown, host: string): EaselError {
  if (thrown instanceof EaselError) return thrown;
  const code = (thrown as NodeJS.ErrnoException | null)?.code;
  return new EaselError('outbound_failed', `${host} ${reason(code)}.`, {
    cause: thrown,
    details: { host, ...(typeof code === 'string' ? { errno: code } : {}) },
  });
}

function reason(code: unknown): string {
  if (typeof code !== 'string') return 'cannot be reached';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA')
    return 'is a name that no address was found for';
  if (code === 'ECONNREFUSED') return 'refuses connections';
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code)) return 'has a certificate that cannot be trusted';
  if (/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/.test(code)) return 'does not answer';
  if (/^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/.test(code))
    return 'ended the connection early';
  if (/^HPE_|^UND_ERR/.test(code)) return 'gave an answer that is not proper HTTP';
  return 'cannot be reached';
}
