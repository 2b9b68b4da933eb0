import type { Part } from './types.js';

/** Arithmetic on the pieces of a hold. A hold of 10 taken from [allowance 4, credit 6] is captured from the front. */
export function totalOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.amount, 0);
}

/** Cuts after `amount`: what lies before, and what lies after. */
export function splitParts(parts: readonly Part[], amount: number): { readonly head: Part[]; readonly tail: Part[] } {
  const head: Part[] = [];
  const tail: Part[] = [];
  let left = amount;
  for (const part of parts) {
    const taken = Math.min(part.amount, left);
    left -= taken;
    if (taken > 0) head.push({ ...part, amount: taken });
    if (taken < part.amount) tail.push({ ...part, amount: part.amount - taken });
  }
  return { head, tail };
}

/**
 * The pieces that a refund gives back: what was spent last comes back first, after what earlier refunds have taken. So
 * bought credit returns before the free allowance.
 */
export function refundParts(captured: readonly Part[], alreadyRefunded: number, amount: number): Part[] {
  const { tail } = splitParts([...captured].reverse(), alreadyRefunded);
  return splitParts(tail, amount).head;
}

export function sumBucket(parts: readonly Part[], bucket: Part['bucket']): number {
  return totalOf(parts.filter((part) => part.bucket === bucket));
}

/** As stored: `[["a",4],["c",6,1767225600000]]`. */
export function stringifyParts(parts: readonly Part[]): string {
  return JSON.stringify(
    parts.map(({ bucket, amount, expiresAt }) =>
      bucket === 'allowance' ? ['a', amount] : expiresAt === null ? ['c', amount] : ['c', amount, expiresAt],
    ),
  );
}

export function parseParts(text: string | null): Part[] {
  if (text === null) return [];
  return (JSON.parse(text) as ['a' | 'c', number, number?][]).map(([bucket, amount, expiresAt]) => ({
    bucket: bucket === 'a' ? 'allowance' : 'credit',
    amount,
    expiresAt: expiresAt ?? null,
  }));
}
