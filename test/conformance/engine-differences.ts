import type { Recording } from './engine-recording.js';

/** Where the engine answers differently on purpose. `pattern` is matched against the difference that a replay reports. */
export interface DeliberateDifference {
  /** All scenarios when absent. */
  readonly scenario?: string;
  readonly pattern: RegExp;
  readonly reason: string;
}

export const DELIBERATE_DIFFERENCES: readonly DeliberateDifference[] = [];

export function reasonFor(recording: Recording, difference: string): string | null {
  const found = DELIBERATE_DIFFERENCES.find(
    ({ pattern, scenario }) =>
      (scenario === undefined || recording.scenario.startsWith(scenario)) && pattern.test(difference),
  );
  return found?.reason ?? null;
}
