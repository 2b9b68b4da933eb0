import type { ModelFacts } from './policy.js';

/** What is known of a model from its runs. A count of 0 means that the value is still a guess. */
export interface LearnedFacts extends ModelFacts {
  /** From the start of a run to its first sampler step when nothing had to be loaded (prompts are encoded meanwhile). */
  readonly baseMs: number;
  readonly loads: number;
  readonly warms: number;
  readonly loras: number;
  readonly bases: number;
  readonly runs: number;
}

/** Guesses until the first run. Simulation showed that constants are nearly as good as the truth. */
export const UNKNOWN_FACTS: LearnedFacts = {
  loadMs: 20_000,
  warmMs: 1_300,
  loraMs: 900,
  genMs: 12_000,
  baseMs: 0,
  loads: 0,
  warms: 0,
  loras: 0,
  bases: 0,
  runs: 0,
};

/** Nothing is loaded for it, so nothing of that kind is ever learned. */
export const NO_MODEL_FACTS: LearnedFacts = { ...UNKNOWN_FACTS, loadMs: 0, warmMs: 0, loraMs: 0 };

/** What one run showed; absent what it did not. Load on a backend of io 1, generation on one of speed 1. */
export interface FactSample {
  readonly loadMs?: number;
  readonly warmMs?: number;
  readonly loraMs?: number;
  readonly baseMs?: number;
  readonly genMs?: number;
}

/** The mean of the first runs, then a moving one, which follows a model that was moved to a slower disk. */
const MEMORY = 5;

export function learn(facts: LearnedFacts, sample: FactSample): LearnedFacts {
  const next: { -readonly [Key in keyof LearnedFacts]: number } = { ...facts };
  const take = (value: 'loadMs' | 'warmMs' | 'loraMs' | 'baseMs' | 'genMs', count: Counter) => {
    const seen = sample[value];
    if (seen === undefined || !(seen >= 0)) return;
    next[count] = Math.min(MEMORY, facts[count] + 1);
    next[value] = Math.round(facts[count] === 0 ? seen : facts[value] + (seen - facts[value]) / next[count]);
  };
  take('loadMs', 'loads');
  take('warmMs', 'warms');
  take('loraMs', 'loras');
  take('baseMs', 'bases');
  take('genMs', 'runs');
  // Both are copies between memories of what was loaded once: a better guess than a constant.
  if (next.loads > 0 && next.warms === 0) next.warmMs = Math.round(300 + 0.05 * next.loadMs);
  if (next.loads > 0 && next.loras === 0) next.loraMs = Math.round(300 + 0.03 * next.loadMs);
  return next;
}

type Counter = 'loads' | 'warms' | 'loras' | 'bases' | 'runs';
