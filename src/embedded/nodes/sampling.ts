import type { Inputs } from './inputs.js';
import type { NodeFamily, Run } from './library.js';
import { type SampleRequest, sample } from './sampler.js';
import type { ConditioningValue, GuiderValue, LatentValue, ModelValue, SigmasValue } from './values.js';

/** Samplers, guiders, noise sources and sampler selectors. */
const interfaces = `
= nodes v1 sampling
KSampler
  model:MODEL seed:SEED steps:STEPS cfg:CFG sampler_name:(@samplers) scheduler:(@schedulers)
  positive,negative:CONDITIONING latent_image:LATENT denoise:UNIT -> LATENT
KSamplerAdvanced
  model:MODEL add_noise:(enable|disable) noise_seed:SEED steps:STEPS cfg:CFG sampler_name:(@samplers)
  scheduler:(@schedulers) positive,negative:CONDITIONING latent_image:LATENT start_at_step:INT=0[0..10000]
  end_at_step:INT=10000[0..10000] return_with_leftover_noise:(disable|enable) -> LATENT
= custom_sampler v1>v3 sampling/custom_sampling
SamplerCustom
  model:MODEL add_noise:BOOLEAN=true noise_seed:SEED cfg:CFG positive,negative:CONDITIONING sampler:SAMPLER
  sigmas:SIGMAS latent_image:LATENT -> output,denoised_output:LATENT
SamplerCustomAdvanced
  noise:NOISE guider:GUIDER sampler:SAMPLER sigmas:SIGMAS latent_image:LATENT -> output,denoised_output:LATENT
= custom_sampler v1>v3 sampling/custom_sampling/guiders
BasicGuider  model:MODEL conditioning:CONDITIONING -> GUIDER
CFGGuider  model:MODEL positive,negative:CONDITIONING cfg:CFG -> GUIDER
DualCFGGuider
  model:MODEL cond1,cond2,negative:CONDITIONING cfg_conds,cfg_cond2_negative:CFG style:(regular|nested) -> GUIDER
= perpneg v3 _for_testing
PerpNegGuider  model:MODEL positive,negative,empty_conditioning:CONDITIONING cfg:CFG neg_scale:SHIFT -> GUIDER
= custom_sampler v1>v3 sampling/custom_sampling/noise
RandomNoise  noise_seed:SEED -> NOISE
DisableNoise  -> NOISE
= custom_sampler v1>v3 sampling/custom_sampling/samplers
KSamplerSelect  sampler_name:(@samplers) -> SAMPLER
SamplerDPMAdaptative
  order:INT=3[2..3] rtol:LOOSE=0.05 atol:LOOSE=0.0078 h_init:LOOSE=0.05 pcoeff:LOOSE=0 icoeff:LOOSE dcoeff:LOOSE=0
  accept_safety:LOOSE=0.81 eta:LOOSE=0 s_noise:LOOSE -> SAMPLER
SamplerDPMPP_2M_SDE  solver_type:(midpoint|heun) eta,s_noise:LOOSE noise_device:(gpu|cpu) -> SAMPLER
SamplerDPMPP_2S_Ancestral  eta,s_noise:LOOSE -> SAMPLER
SamplerDPMPP_3M_SDE  eta,s_noise:LOOSE noise_device:(gpu|cpu) -> SAMPLER
SamplerDPMPP_SDE  eta,s_noise:LOOSE r:LOOSE=0.5 noise_device:(gpu|cpu) -> SAMPLER
SamplerER_SDE  solver_type:{ER-SDE|Reverse-time SDE|ODE} max_stage:INT=3[1..3] eta,s_noise:LOOSE -> SAMPLER
SamplerEulerAncestral  eta,s_noise:LOOSE -> SAMPLER
SamplerEulerAncestralCFGPP  eta:FLOAT=1[0..1/0.01~no] s_noise:FLOAT=1[0..10/0.01~no] -> SAMPLER
SamplerLMS  order:INT=4[1..100] -> SAMPLER
SamplerSASolver
  model:MODEL eta:FLOAT=1[0..10/0.01~no] sde_start_percent:PERCENT=0.2 sde_end_percent:PERCENT=0.8 s_noise:LOOSE
  predictor_order:INT=3[1..6] corrector_order:INT=4[0..6] use_pece,simple_order_2:BOOLEAN -> SAMPLER
= custom_sampler v3 sampling/custom_sampling/samplers
SamplerSEEDS2 @0.8  solver_type:(phi_1|phi_2) eta,s_noise:LOOSE r:FLOAT=0.5[0.01..1/0.01~no] -> SAMPLER
= advanced_samplers v3 _for_testing
SamplerEulerCFGpp  version:(regular|alternative) -> SAMPLER
= advanced_samplers v3 sampling/custom_sampling/samplers
SamplerLCMUpscale
  scale_ratio:FLOAT=1[0.1..20/0.01] scale_steps:INT=-1[-1..1000/1]
  upscale_method:(bislerp|nearest-exact|bilinear|area|bicubic) -> SAMPLER
`;

/** A sampler selector: its settings become part of the name, since they change nuances. */
const selectsSampler: Run = (inputs, _context, _setup, definition) => {
  const settings = inputs.names().flatMap((name) => {
    const value = inputs.any(name);
    return typeof value === 'object' ? [] : [`${name}=${String(value)}`];
  });
  return [{ type: 'SAMPLER', name: [definition.name, ...settings].join(' ') }];
};

function guider(
  model: ModelValue,
  positive: ConditioningValue,
  negative: ConditioningValue | null,
  cfg: number,
): GuiderValue {
  return { type: 'GUIDER', model, positive, negative, cfg };
}

/** What the noise levels of a run say: how much of the source is given up, and how much noise is left at the end. */
function fromSigmas(sigmas: SigmasValue): Pick<SampleRequest, 'steps' | 'denoise' | 'leftover'> {
  const level = (sigma: number | undefined) => Math.min(1, Math.max(0, (sigma ?? 0) / sigmas.full));
  return {
    steps: Math.max(0, sigmas.values.length - 1),
    denoise: level(sigmas.values[0]),
    leftover: level(sigmas.values.at(-1)),
  };
}

/** Both outputs of the custom samplers: the result, and the result without the noise that is left in it. */
function withDenoised(latent: LatentValue): [LatentValue, LatentValue] {
  return [latent, { ...latent, items: latent.items.map((item) => ({ ...item, noise: 0 })) }];
}

function namedSampler(inputs: Inputs): readonly string[] {
  return [inputs.text('sampler_name'), inputs.text('scheduler')];
}

export const samplingFamily: NodeFamily = {
  interfaces,
  otherwise: selectsSampler,
  behaviours: {
    KSampler: async (inputs, context, setup) => [
      await sample(
        {
          model: inputs.get('model', 'MODEL'),
          positive: inputs.get('positive', 'CONDITIONING'),
          negative: inputs.get('negative', 'CONDITIONING'),
          latent: inputs.get('latent_image', 'LATENT'),
          seed: inputs.seed('seed'),
          cfg: inputs.number('cfg'),
          steps: inputs.number('denoise') === 0 ? 0 : inputs.integer('steps'),
          denoise: inputs.number('denoise'),
          leftover: 0,
          manner: namedSampler(inputs),
        },
        context,
        setup,
      ),
    ],
    KSamplerAdvanced: async (inputs, context, setup) => {
      const total = inputs.integer('steps');
      const start = Math.min(inputs.integer('start_at_step'), total);
      const end = Math.min(inputs.integer('end_at_step'), total);
      const keepsNoise = inputs.text('return_with_leftover_noise') === 'enable';
      return [
        await sample(
          {
            model: inputs.get('model', 'MODEL'),
            positive: inputs.get('positive', 'CONDITIONING'),
            negative: inputs.get('negative', 'CONDITIONING'),
            latent: inputs.get('latent_image', 'LATENT'),
            seed: inputs.text('add_noise') === 'enable' ? inputs.seed('noise_seed') : 0n,
            cfg: inputs.number('cfg'),
            steps: Math.max(0, end - start),
            denoise: 1 - start / total,
            leftover: keepsNoise ? 1 - end / total : 0,
            manner: namedSampler(inputs),
          },
          context,
          setup,
        ),
      ];
    },
    SamplerCustom: async (inputs, context, setup) =>
      withDenoised(
        await sample(
          {
            model: inputs.get('model', 'MODEL'),
            positive: inputs.get('positive', 'CONDITIONING'),
            negative: inputs.get('negative', 'CONDITIONING'),
            latent: inputs.get('latent_image', 'LATENT'),
            seed: inputs.flag('add_noise') ? inputs.seed('noise_seed') : 0n,
            cfg: inputs.number('cfg'),
            ...fromSigmas(inputs.get('sigmas', 'SIGMAS')),
            manner: [inputs.get('sampler', 'SAMPLER').name],
          },
          context,
          setup,
        ),
      ),
    SamplerCustomAdvanced: async (inputs, context, setup) => {
      const { model, positive, negative, cfg } = inputs.get('guider', 'GUIDER');
      return withDenoised(
        await sample(
          {
            model,
            positive,
            negative,
            cfg,
            latent: inputs.get('latent_image', 'LATENT'),
            seed: inputs.get('noise', 'NOISE').seed ?? 0n,
            ...fromSigmas(inputs.get('sigmas', 'SIGMAS')),
            manner: [inputs.get('sampler', 'SAMPLER').name],
          },
          context,
          setup,
        ),
      );
    },
    BasicGuider: (inputs) => [
      guider(inputs.get('model', 'MODEL'), inputs.get('conditioning', 'CONDITIONING'), null, 1),
    ],
    CFGGuider: (inputs) => [
      guider(
        inputs.get('model', 'MODEL'),
        inputs.get('positive', 'CONDITIONING'),
        inputs.get('negative', 'CONDITIONING'),
        inputs.number('cfg'),
      ),
    ],
    PerpNegGuider: (inputs) => [
      guider(
        inputs.get('model', 'MODEL'),
        inputs.get('positive', 'CONDITIONING'),
        inputs.get('negative', 'CONDITIONING'),
        inputs.number('cfg'),
      ),
    ],
    DualCFGGuider: (inputs) => {
      const [first, second] = [inputs.get('cond1', 'CONDITIONING'), inputs.get('cond2', 'CONDITIONING')];
      const both: ConditioningValue = { type: 'CONDITIONING', entries: [...first.entries, ...second.entries] };
      return [
        guider(inputs.get('model', 'MODEL'), both, inputs.get('negative', 'CONDITIONING'), inputs.number('cfg_conds')),
      ];
    },
    RandomNoise: (inputs) => [{ type: 'NOISE', seed: inputs.seed('noise_seed') }],
    DisableNoise: () => [{ type: 'NOISE', seed: null }],
    KSamplerSelect: (inputs) => [{ type: 'SAMPLER', name: inputs.text('sampler_name') }],
  },
};
