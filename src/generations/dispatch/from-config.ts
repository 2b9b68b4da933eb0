import type { ManagedBackend } from '../fleet/fleet.js';
import type { DispatchOptions } from './create.js';

/** What the settings of a backend say to dispatch. */
export interface ConfiguredTraits {
  readonly concurrency: number;
  readonly speed?: number | undefined;
  readonly loadSpeed?: number | undefined;
  readonly weight?: number | undefined;
  readonly vramGb?: number | undefined;
  readonly tags?: readonly string[] | undefined;
}

export function dispatchTraits(settings: ConfiguredTraits): Omit<ManagedBackend, 'backend'> {
  const { concurrency, speed = 1, loadSpeed = 1, weight = 1, vramGb, tags = [] } = settings;
  const vramBytes = vramGb === undefined ? null : Math.round(vramGb * 2 ** 30);
  return { concurrency, traits: { speed, io: loadSpeed, weight, tags, vramBytes } };
}

export function dispatchOptions(settings: {
  readonly unservable: 'wait' | 'fail';
  readonly weights: Readonly<Record<string, number>>;
}): DispatchOptions {
  const weights = new Map(Object.entries(settings.weights));
  return { failsUnservable: settings.unservable === 'fail', weightOf: (account) => weights.get(account) ?? 1 };
}
