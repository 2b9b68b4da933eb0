import { NodeException } from '../node.js';
import type { NodeFamily, Run } from './library.js';
import type { SigmasValue } from './values.js';

/** Schedulers: lists of noise levels, from high to low; and nodes that cut and change such lists. */
const interfaces = `
= custom_sampler v1>v3 sampling/custom_sampling/schedulers
BasicScheduler  model:MODEL scheduler:(@schedulers) steps:STEPS denoise:UNIT -> SIGMAS
BetaSamplingScheduler  model:MODEL steps:STEPS alpha,beta:FLOAT=0.6[0..50/0.01~no] -> SIGMAS
ExponentialScheduler
  steps:STEPS sigma_max:FLOAT=14.614642[0..5000/0.01~no] sigma_min:FLOAT=0.0291675[0..5000/0.01~no] -> SIGMAS
KarrasScheduler
  steps:STEPS sigma_max:FLOAT=14.614642[0..5000/0.01~no] sigma_min:FLOAT=0.0291675[0..5000/0.01~no] rho:LOOSE=7
  -> SIGMAS
LaplaceScheduler
  steps:STEPS sigma_max:FLOAT=14.614642[0..5000/0.01~no] sigma_min:FLOAT=0.0291675[0..5000/0.01~no]
  mu:FLOAT=0[-10..10/0.1~no] beta:FLOAT=0.5[0..10/0.1~no] -> SIGMAS
PolyexponentialScheduler
  steps:STEPS sigma_max:FLOAT=14.614642[0..5000/0.01~no] sigma_min:FLOAT=0.0291675[0..5000/0.01~no] rho:LOOSE
  -> SIGMAS
SDTurboScheduler  model:MODEL steps:INT=1[1..10] denoise:UNIT -> SIGMAS
VPScheduler
  steps:STEPS beta_d:FLOAT=19.9[0..5000/0.01~no] beta_min:FLOAT=0.1[0..5000/0.01~no]
  eps_s:FLOAT=0.001[0..1/0.0001~no] -> SIGMAS
= align_your_steps v3 sampling/custom_sampling/schedulers
AlignYourStepsScheduler  model_type:(SD1|SDXL|SVD) steps:STEPS=10 denoise:UNIT -> SIGMAS
= gits v3 sampling/custom_sampling/schedulers
GITSScheduler  coeff:FLOAT=1.2[0.8..1.5/0.05] steps:INT=10[2..1000] denoise:UNIT -> SIGMAS
= optimalsteps v3 sampling/custom_sampling/schedulers
OptimalStepsScheduler  model_type:(FLUX|Wan|Chroma) steps:INT=20[3..1000] denoise:UNIT -> SIGMAS
= lt v3 sampling/custom_sampling/schedulers
LTXVScheduler
  steps:STEPS max_shift:SHIFT=2.05 base_shift:SHIFT=0.95 stretch:BOOLEAN=true terminal:FLOAT=0.1[0..0.99/0.01]
  latent?:LATENT -> SIGMAS
= flux v3 sampling/custom_sampling/schedulers
Flux2Scheduler @0.8  steps:BATCH=20 width,height:INT=1024[16..16384/1] -> SIGMAS
= custom_sampler v3 _for_testing/custom_sampling
ManualSigmas @0.8  sigmas:LINE="1, 0.5" -> SIGMAS
= custom_sampler v1>v3 sampling/custom_sampling/sigmas
ExtendIntermediateSigmas
  sigmas:SIGMAS steps:INT=2[1..100] start_at_sigma:FLOAT=-1[-1..20000/0.01~no]
  end_at_sigma:FLOAT=12[0..20000/0.01~no] spacing:(linear|cosine|sine) -> SIGMAS
FlipSigmas  sigmas:SIGMAS -> SIGMAS
SamplingPercentToSigma
  model:MODEL sampling_percent:FLOAT=0[0..1/0.0001] return_actual_sigma:BOOLEAN=false -> sigma_value:FLOAT
SetFirstSigma  sigmas:SIGMAS sigma:FLOAT=136[0..20000/0.001~no] -> SIGMAS
SplitSigmas  sigmas:SIGMAS step:INT=0[0..10000] -> high_sigmas,low_sigmas:SIGMAS
SplitSigmasDenoise  sigmas:SIGMAS denoise:UNIT -> high_sigmas,low_sigmas:SIGMAS
`;

/** Noise levels at which nothing of a picture is left: of Stable Diffusion, and of flow models. */
const DIFFUSION_FULL = 14.614642;
const FLOW_FULL = 1;
const FLOW_MODELS = /flux|sd3|sd_3|wan|hunyuan|aura|chroma|qwen|z_image|hidream|lumina|cosmos|ltx|mochi|kandinsky/i;

function sigmasOf(values: readonly number[], full: number): SigmasValue {
  return { type: 'SIGMAS', values, full: full > 0 ? full : 1 };
}

function fullOf(modelName: string): number {
  return FLOW_MODELS.test(modelName) ? FLOW_FULL : DIFFUSION_FULL;
}

/** An even way down from `full` to 0. Below 1, `denoise` takes the last `steps` of a longer way. */
function evenly(steps: number, denoise: number, full: number): SigmasValue {
  if (denoise <= 0) return sigmasOf([], full);
  const total = Math.max(steps, Math.floor(steps / denoise));
  const values = Array.from({ length: steps + 1 }, (_, i) => full * ((steps - i) / total));
  return sigmasOf(values, full);
}

/** Levels between two limits along a curve that runs 1..0, closed by 0. */
function along(steps: number, max: number, min: number, curve: (t: number) => number): SigmasValue {
  const values = Array.from({ length: steps }, (_, i) => min + (max - min) * curve(steps === 1 ? 0 : i / (steps - 1)));
  return sigmasOf([...values, 0], max);
}

const withModel: Run = (inputs) => {
  const denoise = inputs.has('denoise') ? inputs.number('denoise') : 1;
  return [evenly(inputs.integer('steps'), denoise, fullOf(inputs.get('model', 'MODEL').name))];
};

const forDiffusion: Run = (inputs) => [evenly(inputs.integer('steps'), inputs.number('denoise'), DIFFUSION_FULL)];
const forFlow: Run = (inputs) => {
  const denoise = inputs.has('denoise') ? inputs.number('denoise') : 1;
  return [evenly(inputs.integer('steps'), denoise, FLOW_FULL)];
};

/** A curve with the shape that the node's `rho` gives, after Karras and others. */
const curved =
  (exponentOf: (rho: number) => number): Run =>
  (inputs) => {
    const exponent = exponentOf(inputs.has('rho') ? inputs.number('rho') : 1);
    const max = inputs.number('sigma_max');
    return [along(inputs.integer('steps'), max, inputs.number('sigma_min'), (t) => (1 - t) ** Math.max(0.1, exponent))];
  };

export const sigmaFamily: NodeFamily = {
  interfaces,
  behaviours: {
    BasicScheduler: withModel,
    BetaSamplingScheduler: withModel,
    SDTurboScheduler: withModel,
    ExponentialScheduler: curved(() => 4),
    KarrasScheduler: curved((rho) => Math.min(rho, 12) / 2),
    LaplaceScheduler: curved(() => 3),
    PolyexponentialScheduler: curved((rho) => 4 * rho),
    VPScheduler: (inputs) => [along(inputs.integer('steps'), DIFFUSION_FULL, 0.03, (t) => (1 - t) * (1 - t))],
    AlignYourStepsScheduler: forDiffusion,
    GITSScheduler: forDiffusion,
    OptimalStepsScheduler: forFlow,
    LTXVScheduler: forFlow,
    Flux2Scheduler: forFlow,
    ManualSigmas: (inputs) => {
      const values = (inputs.text('sigmas').match(/[-+]?(?:\d*\.*\d+)/g) ?? []).map(Number);
      return [sigmasOf(values, Math.max(...values, FLOW_FULL))];
    },
    ExtendIntermediateSigmas: (inputs) => {
      const { values, full } = inputs.get('sigmas', 'SIGMAS');
      const between = inputs.integer('steps');
      const start = inputs.number('start_at_sigma');
      const end = inputs.number('end_at_sigma');
      const extended = values.flatMap((value, i) => {
        const next = values[i + 1];
        if (next === undefined || (start >= 0 && value > start) || value < end) return [value];
        return Array.from({ length: between }, (_, k) => value + ((next - value) * k) / between);
      });
      return [sigmasOf(extended, full)];
    },
    FlipSigmas: (inputs) => {
      const { values, full } = inputs.get('sigmas', 'SIGMAS');
      const flipped = [...values].reverse();
      // A run cannot start at no noise at all.
      if (flipped[0] === 0) flipped[0] = 0.0001;
      return [sigmasOf(flipped, full)];
    },
    SamplingPercentToSigma: (inputs) => [
      fullOf(inputs.get('model', 'MODEL').name) * (1 - inputs.number('sampling_percent')),
    ],
    SetFirstSigma: (inputs) => {
      const { values, full } = inputs.get('sigmas', 'SIGMAS');
      return [sigmasOf([inputs.number('sigma'), ...values.slice(1)], full)];
    },
    SplitSigmas: (inputs) => {
      const { values, full } = inputs.get('sigmas', 'SIGMAS');
      const step = inputs.integer('step');
      return [sigmasOf(values.slice(0, step + 1), full), sigmasOf(values.slice(step), full)];
    },
    SplitSigmasDenoise: (inputs) => {
      const { values, full } = inputs.get('sigmas', 'SIGMAS');
      const steps = values.length - 1;
      if (steps < 1) throw new NodeException('ValueError', 'SplitSigmasDenoise: the list of sigmas is too short');
      const low = Math.round(steps * inputs.number('denoise'));
      return [sigmasOf(values.slice(0, steps - low + 1), full), sigmasOf(values.slice(steps - low), full)];
    },
  },
};
