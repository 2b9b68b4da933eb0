import { type Answer, type Exchange, header, parseRetryAfter } from '../comfyui/index.js';
import { BackendError, type ErrorCode } from '../core/errors.js';
import { problemSchema } from './schemas.js';

export const ADDRESS_HINT = 'Check `url` of this backend: ComfyDeploy is at https://api.comfydeploy.com/api.';

/**
 * From an answer that says no to an error of the catalogue (comfydeploy.md 2.6). Failures below HTTP (no connection, time
 * limits) come from the transport. `details` are as there: `requestSent`, `status`, `retryAfterMs`.
 */
export function refusal(answer: Answer, exchange: Exchange, nowMs: number): BackendError {
  const { status } = answer;
  const reason = problemText(answer);
  const retryAfterMs = parseRetryAfter(header(answer.headers, 'retry-after'), nowMs);
  const message = `${exchange.displayUrl} answered ${exchange.action} with ${status}${reason === '' ? '' : `: ${reason}`}.`;
  const make = (code: ErrorCode, options: { readonly hint?: string; readonly retryable?: boolean } = {}) =>
    new BackendError(code, message, {
      ...options,
      details: {
        action: exchange.action,
        url: exchange.displayUrl,
        requestSent: true,
        status,
        ...(reason === '' ? {} : { answer: reason }),
        ...(retryAfterMs === null ? {} : { retryAfterMs }),
      },
    });
  if (status === 403 && /credit|balance/i.test(reason))
    return make('backend_unauthorized', { hint: 'The ComfyDeploy account has no credit left: top it up there.' });
  if (status === 401 || status === 403 || status === 407)
    return make('backend_unauthorized', {
      hint: 'Check `apiKey` of this backend; a ComfyDeploy key belongs to one user or organisation.',
    });
  if (status === 404 && /deployment|workflow|machine/i.test(reason)) return make('deployment_missing');
  if (status === 404 || status === 405) return make('backend_not_comfyui', { hint: ADDRESS_HINT });
  if (status === 413) return make('payload_too_large');
  if (status === 429 || (status === 503 && retryAfterMs !== null)) return make('backend_overloaded');
  // A proxy that gave up waiting does not know either whether the run was started.
  if (status >= 500 || status === 408) return make('backend_failed');
  if (status >= 300 && status < 400)
    return make('backend_protocol', { retryable: false, hint: 'Use the URL that the server redirects to.' });
  return make('backend_rejected_graph', {
    hint: 'ComfyDeploy refused the request: check the inputs and the machine of the deployment.',
  });
}

/** What the answer gives as its reason, on one line; empty when it gives none. Legacy 401 answers are plain text. */
export function problemText(answer: Answer): string {
  const type = header(answer.headers, 'content-type') ?? '';
  const raw = fromJson(answer.text) ?? (type.includes('html') || /^\s*</.test(answer.text) ? '' : answer.text);
  const line = raw
    .slice(0, 600)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return (line.length > 300 ? `${line.slice(0, 300)}…` : line).replace(/\.$/, '');
}

function fromJson(text: string): string | null {
  try {
    const parsed = problemSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : '';
  } catch {
    return null;
  }
}
