/** Decisions that depend on `comfyui_version` of /system_stats (comfyui.md 7). */

/** The oldest version that is known to stop only the named prompt; older ones ignore the body and stop whatever runs. */
const TARGETED_INTERRUPT_SINCE = [0, 3, 64] as const;

export function honoursTargetedInterrupt(version: string | null): boolean {
  const numbers = parseVersion(version);
  return numbers !== null && compareVersions(numbers, TARGETED_INTERRUPT_SINCE) >= 0;
}

/** `0.3.64`, `v0.8.0`, `0.12.1-fork.3`. Null when it does not begin like a version. */
function parseVersion(version: string | null): readonly [number, number, number] | null {
  const match = /^v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?/.exec(version?.trim() ?? '');
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < 3; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
