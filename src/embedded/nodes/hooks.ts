import { conditioning, mapEntries } from './conditioning-values.js';
import type { Inputs } from './inputs.js';
import type { NodeFamily, Run } from './library.js';
import type { ConditioningValue, HooksValue } from './values.js';

/** Hooks: LoRAs and models that hold for one prompt or one part of the run. A rehearsal notes them with the prompt. */
const interfaces = `
= hooks v1 advanced/hooks
ConditioningTimestepsRange
  start_percent:PERCENT end_percent:PERCENT=1
  -> TIMESTEPS_RANGE BEFORE_RANGE:TIMESTEPS_RANGE AFTER_RANGE:TIMESTEPS_RANGE
= hooks v1 advanced/hooks/clip
SetClipHooks  clip:CLIP apply_to_conds:BOOLEAN=true schedule_clip:BOOLEAN=false hooks?:HOOKS -> CLIP
= hooks v1 advanced/hooks/combine
CombineHooks2  hooks_A,hooks_B?:HOOKS -> HOOKS
CombineHooks4  hooks_A,hooks_B,hooks_C,hooks_D?:HOOKS -> HOOKS
CombineHooks8  hooks_A,hooks_B,hooks_C,hooks_D,hooks_E,hooks_F,hooks_G,hooks_H?:HOOKS -> HOOKS
= hooks v1 advanced/hooks/cond pair
PairConditioningCombine
  positive_A,negative_A,positive_B,negative_B:CONDITIONING -> positive,negative:CONDITIONING
PairConditioningSetDefaultCombine
  positive,negative,positive_DEFAULT,negative_DEFAULT:CONDITIONING hooks?:HOOKS -> positive,negative:CONDITIONING
PairConditioningSetProperties
  positive_NEW,negative_NEW:CONDITIONING strength:GAIN set_cond_area:(default|mask bounds) mask?:MASK hooks?:HOOKS
  timesteps?:TIMESTEPS_RANGE -> positive,negative:CONDITIONING
PairConditioningSetPropertiesAndCombine
  positive,negative,positive_NEW,negative_NEW:CONDITIONING strength:GAIN set_cond_area:(default|mask bounds)
  mask?:MASK hooks?:HOOKS timesteps?:TIMESTEPS_RANGE -> positive,negative:CONDITIONING
= hooks v1 advanced/hooks/cond single
ConditioningSetDefaultCombine  cond,cond_DEFAULT:CONDITIONING hooks?:HOOKS -> CONDITIONING
ConditioningSetProperties
  cond_NEW:CONDITIONING strength:GAIN set_cond_area:(default|mask bounds) mask?:MASK hooks?:HOOKS
  timesteps?:TIMESTEPS_RANGE -> CONDITIONING
ConditioningSetPropertiesAndCombine
  cond,cond_NEW:CONDITIONING strength:GAIN set_cond_area:(default|mask bounds) mask?:MASK hooks?:HOOKS
  timesteps?:TIMESTEPS_RANGE -> CONDITIONING
= hooks v1 advanced/hooks/create
CreateHookLora  lora_name:<loras> strength_model,strength_clip:FLOAT=1[-20..20/0.01] prev_hooks?:HOOKS -> HOOKS
CreateHookLoraModelOnly  lora_name:<loras> strength_model:FLOAT=1[-20..20/0.01] prev_hooks?:HOOKS -> HOOKS
CreateHookModelAsLora
  ckpt_name:<checkpoints> strength_model,strength_clip:FLOAT=1[-20..20/0.01] prev_hooks?:HOOKS -> HOOKS
CreateHookModelAsLoraModelOnly
  ckpt_name:<checkpoints> strength_model:FLOAT=1[-20..20/0.01] prev_hooks?:HOOKS -> HOOKS
= hooks v1 advanced/hooks/scheduling
CreateHookKeyframe
  strength_mult:FLOAT=1[-20..20/0.01] start_percent:PERCENT prev_hook_kf?:HOOK_KEYFRAMES -> HOOK_KF:HOOK_KEYFRAMES
CreateHookKeyframesFromFloats
  floats_strength:FLOATS=-1[-1../0.001],forceInput start_percent:PERCENT end_percent:PERCENT=1
  print_keyframes:BOOLEAN=false prev_hook_kf?:HOOK_KEYFRAMES -> HOOK_KF:HOOK_KEYFRAMES
CreateHookKeyframesInterpolated
  strength_start,strength_end:FLOAT=1[0..10/0.001] interpolation:(linear|ease_in|ease_out|ease_in_out)
  start_percent:PERCENT end_percent:PERCENT=1 keyframes_count:INT=5[2..100/1] print_keyframes:BOOLEAN=false
  prev_hook_kf?:HOOK_KEYFRAMES -> HOOK_KF:HOOK_KEYFRAMES
SetHookKeyframes  hooks:HOOKS hook_kf?:HOOK_KEYFRAMES -> HOOKS
`;

const createsHook =
  (file: string): Run =>
  (inputs) => {
    const before = inputs.maybe('prev_hooks', 'HOOKS')?.loras ?? [];
    const lora = { name: inputs.text(file), strength: inputs.number('strength_model') };
    return [hooksOf([...before, lora])];
  };

const combinesHooks: Run = (inputs) => [
  hooksOf(
    inputs
      .names()
      .sort()
      .flatMap((name) => inputs.get(name, 'HOOKS').loras),
  ),
];

const keyframes: Run = () => [{ type: 'HOOK_KEYFRAMES' }];

function hooksOf(loras: HooksValue['loras']): HooksValue {
  return { type: 'HOOKS', loras };
}

/** The prompt with strength, mask, range and hooks of this node. */
function withProperties(inputs: Inputs, name: string): ConditioningValue {
  const mask = inputs.maybe('mask', 'MASK');
  const range = inputs.maybe('timesteps', 'TIMESTEPS_RANGE')?.range;
  const notes = hookNotes(inputs);
  return mapEntries(inputs.get(name, 'CONDITIONING'), (entry) => ({
    strength: inputs.number('strength'),
    notes: [...entry.notes, ...notes],
    ...(mask ? { mask } : {}),
    ...(range ? { range } : {}),
  }));
}

function hookNotes(inputs: Inputs): string[] {
  return (inputs.maybe('hooks', 'HOOKS')?.loras ?? []).map((lora) => `hook ${lora.name} ${lora.strength}`);
}

function combined(first: ConditioningValue, second: ConditioningValue): ConditioningValue {
  return conditioning([...first.entries, ...second.entries]);
}

function withDefault(inputs: Inputs, name: string, fallback: string): ConditioningValue {
  const notes = hookNotes(inputs);
  const other = mapEntries(inputs.get(fallback, 'CONDITIONING'), (entry) => ({ notes: [...entry.notes, ...notes] }));
  return combined(inputs.get(name, 'CONDITIONING'), other);
}

export const hookFamily: NodeFamily = {
  interfaces,
  behaviours: {
    ConditioningTimestepsRange: (inputs) => {
      const start = inputs.number('start_percent');
      const end = inputs.number('end_percent');
      const range = (from: number, to: number) => ({ type: 'TIMESTEPS_RANGE', range: [from, to] });
      return [range(start, end), range(0, start), range(end, 1)];
    },
    SetClipHooks: (inputs) => {
      const clip = inputs.get('clip', 'CLIP');
      return [{ ...clip, notes: [...clip.notes, ...hookNotes(inputs)] }];
    },
    CombineHooks2: combinesHooks,
    CombineHooks4: combinesHooks,
    CombineHooks8: combinesHooks,
    PairConditioningCombine: (inputs) => [
      combined(inputs.get('positive_A', 'CONDITIONING'), inputs.get('positive_B', 'CONDITIONING')),
      combined(inputs.get('negative_A', 'CONDITIONING'), inputs.get('negative_B', 'CONDITIONING')),
    ],
    PairConditioningSetDefaultCombine: (inputs) => [
      withDefault(inputs, 'positive', 'positive_DEFAULT'),
      withDefault(inputs, 'negative', 'negative_DEFAULT'),
    ],
    PairConditioningSetProperties: (inputs) => [
      withProperties(inputs, 'positive_NEW'),
      withProperties(inputs, 'negative_NEW'),
    ],
    PairConditioningSetPropertiesAndCombine: (inputs) => [
      combined(inputs.get('positive', 'CONDITIONING'), withProperties(inputs, 'positive_NEW')),
      combined(inputs.get('negative', 'CONDITIONING'), withProperties(inputs, 'negative_NEW')),
    ],
    ConditioningSetDefaultCombine: (inputs) => [withDefault(inputs, 'cond', 'cond_DEFAULT')],
    ConditioningSetProperties: (inputs) => [withProperties(inputs, 'cond_NEW')],
    ConditioningSetPropertiesAndCombine: (inputs) => [
      combined(inputs.get('cond', 'CONDITIONING'), withProperties(inputs, 'cond_NEW')),
    ],
    CreateHookLora: createsHook('lora_name'),
    CreateHookLoraModelOnly: createsHook('lora_name'),
    CreateHookModelAsLora: createsHook('ckpt_name'),
    CreateHookModelAsLoraModelOnly: createsHook('ckpt_name'),
    CreateHookKeyframe: keyframes,
    CreateHookKeyframesFromFloats: keyframes,
    CreateHookKeyframesInterpolated: keyframes,
    SetHookKeyframes: (inputs) => [inputs.get('hooks', 'HOOKS')],
  },
};
