/**
 * `Prefer: wait=30` (RFC 7240): how many seconds the caller is willing to wait for the end. Null when it does not say, or
 * says something that is no number: a preference may always be ignored.
 */
export function preferredWaitSeconds(header: string | readonly string[] | undefined): number | null {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  for (const preference of text.split(',')) {
    const match = /^[ \t]*wait[ \t]*=[ \t]*"?(\d{1,9})"?[ \t]*(?:;|$)/i.exec(preference);
    if (match?.[1] !== undefined) return Number(match[1]);
  }
  return null;
}
