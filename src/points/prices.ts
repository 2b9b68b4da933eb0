import { ConfigError } from '../core/errors.js';
import { DEFAULT_CLASS, type PointsPolicy, type PriceSettings } from './policy.js';
import { toMicro } from './units.js';

/** A price rule in micro-points. */
export interface PriceRule {
  readonly flat: number;
  /** Per second on the backend, by class; `default` for classes that are not named. */
  readonly perSecond: Readonly<Record<string, number>>;
  readonly perOutput: number;
  readonly perMegapixel: number;
  readonly minimum: number;
}

/** The terms of one hold, kept with it: a price that is changed later changes nothing that was agreed. */
export interface Terms {
  readonly rule: PriceRule;
  /** Context and tier together, in millionths. */
  readonly multiplierPpm: number;
  /** Of one picture. */
  readonly pixels: number;
}

export interface Usage {
  readonly runMs: number;
  readonly outputs: number;
  readonly backendClass: string;
}

const PPM = 1_000_000n;

/** What the usage costs by these terms, in micro-points, rounded up. Exact: no product is a double. */
export function priceOf({ rule, multiplierPpm, pixels }: Terms, usage: Usage): number {
  const outputs = BigInt(usage.outputs);
  const sum =
    BigInt(rule.flat) * PPM +
    timePpm(rule, usage) +
    BigInt(rule.perOutput) * outputs * PPM +
    BigInt(rule.perMegapixel) * BigInt(pixels) * outputs;
  const least = BigInt(rule.minimum) * PPM;
  return roundUp((sum > least ? sum : least) * BigInt(multiplierPpm));
}

/** The time alone, for work that was stopped. */
export function timePriceOf({ rule, multiplierPpm }: Terms, usage: Usage): number {
  return roundUp(timePpm(rule, usage) * BigInt(multiplierPpm));
}

function timePpm(rule: PriceRule, { runMs, backendClass }: Usage): bigint {
  return BigInt(rateOf(rule, backendClass)) * BigInt(Math.max(0, Math.round(runMs))) * 1000n;
}

function roundUp(value: bigint): number {
  return Number((value + PPM * PPM - 1n) / (PPM * PPM));
}

function rateOf({ perSecond }: PriceRule, backendClass: string): number {
  const named = Object.hasOwn(perSecond, backendClass) ? perSecond[backendClass] : undefined;
  return named ?? (Object.hasOwn(perSecond, DEFAULT_CLASS) ? perSecond[DEFAULT_CLASS] : undefined) ?? 0;
}

interface PricedWorkflow {
  readonly rule: PriceRule;
  readonly contexts: Readonly<Record<string, number>>;
  readonly coldStartMs: number;
  readonly isFree: boolean;
  readonly pricesTime: boolean;
}

const COLD_START_SECONDS = 30;

/** The price rules of the configuration. */
export class Prices {
  readonly #byWorkflow = new Map<string, PricedWorkflow>();

  constructor({ settings }: PointsPolicy) {
    for (const price of settings.prices) {
      if (this.#byWorkflow.has(price.workflow)) {
        throw new ConfigError('config_invalid', `points.prices: workflow "${price.workflow}" has two rules.`, {
          hint: 'Keep one.',
        });
      }
      this.#byWorkflow.set(price.workflow, compile(price));
    }
  }

  /** The rule of a workflow, or else of `*`; null when there is none, and then it is free. */
  find(workflowName: string | null): PricedWorkflow | null {
    const named = workflowName === null ? undefined : this.#byWorkflow.get(workflowName);
    return named ?? this.#byWorkflow.get('*') ?? null;
  }
}

/** The class that costs most, for when it is not known yet which will do it. */
export function dearestClass(rule: PriceRule): string {
  const [first] = Object.entries(rule.perSecond).sort(([, a], [, b]) => b - a);
  return first?.[0] ?? DEFAULT_CLASS;
}

export function multiplierPpm(context: number, tier: number): number {
  return Math.round(context * tier * 1_000_000);
}

function compile(price: PriceSettings): PricedWorkflow {
  const { perSecond = 0 } = price;
  const rates = typeof perSecond === 'number' ? { [DEFAULT_CLASS]: perSecond } : perSecond;
  const rule = {
    flat: toMicro(price.flat ?? 0),
    perSecond: Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, toMicro(rate)])),
    perOutput: toMicro(price.perOutput ?? 0),
    perMegapixel: toMicro(price.perMegapixel ?? 0),
    minimum: toMicro(price.minimum ?? 0),
  };
  const pricesTime = Object.values(rule.perSecond).some((rate) => rate > 0);
  return {
    rule,
    contexts: price.contexts ?? {},
    coldStartMs: Math.round((price.coldStartSeconds ?? COLD_START_SECONDS) * 1000),
    isFree: !pricesTime && rule.flat + rule.perOutput + rule.perMegapixel + rule.minimum === 0,
    pricesTime,
  };
}
