/** JSON in which a bigint is a plain number: seeds go to 2^64-1, and one that is rounded is another seed. */
export function toJson(value: unknown): string {
  const marker = `big:${Math.random().toString(36).slice(2)}:`;
  const text =
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${marker}${part}` : part)) ?? '';
  return text.replace(new RegExp(`"${marker}(-?\\d+)"`, 'g'), '$1');
}
