/** Nearest names for error messages: "did you mean ...?". */

const MAX_COMPARED = 5_000;
const MAX_NAME_LENGTH = 200;

/**
 * Up to `limit` candidates that look like `name`, best first. Compares without regard to case, folder and extension, so
 * that `sd15.safetensors` finds `models/SD15.ckpt`.
 */
export function nearestNames(name: string, candidates: Iterable<string>, limit = 3): string[] {
  const wanted = comparable(name);
  const scored: { candidate: string; distance: number }[] = [];
  let compared = 0;
  for (const candidate of candidates) {
    if (compared++ >= MAX_COMPARED) break;
    const distance = dissimilarity(wanted, comparable(candidate));
    if (distance <= 0.5) scored.push({ candidate, distance });
  }
  scored.sort((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate));
  const best = scored[0]?.distance ?? 0;
  // The same name in another folder, case or format leaves no doubt; else what is much farther is noise.
  const reach = best === 0 ? 0 : best + 0.25;
  return scored
    .filter(({ distance }) => distance <= reach)
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/** `Did you mean "a" or "b"?`, or an empty string when nothing is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const near = nearestNames(name, candidates);
  if (near.length === 0) return '';
  return `Did you mean ${near.map((candidate) => `"${candidate}"`).join(' or ')}?`;
}

function comparable(name: string): string {
  const file = name.slice(-MAX_NAME_LENGTH).split(/[\\/]/).at(-1) ?? name;
  return file.replace(/\.(safetensors|ckpt|pt|pth|bin|gguf|sft)$/i, '').toLowerCase();
}

/** 0 for equal, 1 for nothing in common. One name inside the other counts as near. */
function dissimilarity(a: string, b: string): number {
  if (a === b) return 0;
  const longer = Math.max(a.length, b.length);
  if (longer === 0) return 0;
  const shorter = Math.min(a.length, b.length);
  if (shorter >= 3 && (a.includes(b) || b.includes(a))) return 0.1 + 0.4 * (1 - shorter / longer);
  return editDistance(a, b) / longer;
}

/** Levenshtein distance where swapping two neighbours costs one. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
