import { ConfigError } from '../core/errors.js';
import type { AllowancePlan } from './allowance.js';
import type { Bucket } from './types.js';
import { toMicro } from './units.js';

/** The section `points` of the configuration. Amounts are in points, as people write them. */
export interface PointsSettings {
  readonly defaultPlan: string;
  readonly plans: Readonly<Record<string, PlanSettings>>;
  readonly tiers: readonly TierSettings[];
  readonly contexts: Readonly<Record<string, readonly Bucket[]>>;
  readonly prices: readonly PriceSettings[];
  readonly backendClasses: Readonly<Record<string, string>>;
  readonly margin: number;
  readonly overdraft: boolean;
  readonly cancelled: 'free' | 'run-time';
  readonly holdMs: number;
  readonly expiryGraceMs: number;
  readonly topUpHint: string;
}

export interface PlanSettings {
  readonly allowance: number;
  readonly allowancePerDay: number;
  readonly perks?: Perks | undefined;
}

export interface TierSettings {
  readonly name: string;
  /** Points ever spent from which it holds. */
  readonly experience: number;
  readonly multiplier?: number | undefined;
  readonly perks?: Perks | undefined;
}

/** What a plan or tier lets an account do. Absent means without limit, and without watermark. */
export interface Perks {
  readonly watermark?: boolean | undefined;
  readonly maxMegapixels?: number | undefined;
  readonly maxBatch?: number | undefined;
  readonly maxSteps?: number | undefined;
  /** Generations waiting; waiting and running together. */
  readonly maxQueued?: number | undefined;
  readonly maxOpen?: number | undefined;
}

export interface PriceSettings {
  /** Name of a workflow, or `*` for all that have no rule of their own. */
  readonly workflow: string;
  readonly flat?: number | undefined;
  /** Per second on the backend: one rate, or one per class of backend (`default` for all others). */
  readonly perSecond?: number | Readonly<Record<string, number>> | undefined;
  readonly perOutput?: number | undefined;
  readonly perMegapixel?: number | undefined;
  readonly minimum?: number | undefined;
  /** Factors by context. */
  readonly contexts?: Readonly<Record<string, number>> | undefined;
  /** Run time to assume while there is no history, in seconds. */
  readonly coldStartSeconds?: number | undefined;
}

export interface Tier {
  readonly name: string;
  readonly experience: number;
  readonly multiplier: number;
  readonly perks: Perks;
}

export const DEFAULT_CLASS = 'default';

/** The settings, checked and in micro-points. Throws `config_invalid` where they contradict each other. */
export class PointsPolicy {
  readonly settings: PointsSettings;
  readonly #plans = new Map<string, { readonly allowance: AllowancePlan; readonly perks: Perks }>();
  /** Lowest first. */
  readonly #tiers: readonly Tier[];

  constructor(settings: PointsSettings) {
    this.settings = settings;
    for (const [name, plan] of Object.entries(settings.plans)) {
      const allowance = { cap: toMicro(plan.allowance), perDay: toMicro(plan.allowancePerDay) };
      this.#plans.set(name, { allowance, perks: plan.perks ?? {} });
    }
    if (!this.#plans.has(settings.defaultPlan)) {
      throw new ConfigError('config_invalid', `points.defaultPlan: there is no plan "${settings.defaultPlan}".`, {
        hint: `Plans are: ${[...this.#plans.keys()].join(', ')}.`,
      });
    }
    this.#tiers = settings.tiers
      .map(({ name, experience, multiplier = 1, perks = {} }) => ({
        name,
        experience: toMicro(experience),
        multiplier,
        perks,
      }))
      .sort((a, b) => a.experience - b.experience);
  }

  get defaultPlan(): string {
    return this.settings.defaultPlan;
  }

  /** Does any plan or tier limit what may be asked for? */
  get hasLimits(): boolean {
    const all = [...this.#plans.values(), ...this.#tiers].map(({ perks }) => perks);
    return all.some(({ maxMegapixels, maxBatch, maxSteps }) =>
      [maxMegapixels, maxBatch, maxSteps].some((limit) => limit !== undefined),
    );
  }

  hasPlan(name: string): boolean {
    return this.#plans.has(name);
  }

  /** A plan that the configuration does not have any more regenerates nothing; what its accounts have stays. */
  allowanceOf(plan: string): AllowancePlan {
    return this.#plans.get(plan)?.allowance ?? { cap: 0, perDay: 0 };
  }

  /** The highest tier that so much experience reaches, or null. */
  tierOf(experience: number): Tier | null {
    return this.#tiers.findLast((tier) => experience >= tier.experience) ?? null;
  }

  /** The plan's, and over it the tier's. */
  perksOf(plan: string, experience: number): Perks {
    return { ...this.#plans.get(plan)?.perks, ...this.tierOf(experience)?.perks };
  }

  /** Which buckets a context may spend, in order. An unknown context is treated as `api`: credit only. */
  spendingOrder(context: string): readonly Bucket[] {
    const { contexts } = this.settings;
    return Object.hasOwn(contexts, context) ? (contexts[context] ?? []) : ['credit'];
  }

  classOf(backendId: string | null): string {
    const { backendClasses } = this.settings;
    if (backendId === null || !Object.hasOwn(backendClasses, backendId)) return DEFAULT_CLASS;
    return backendClasses[backendId] ?? DEFAULT_CLASS;
  }
}
